"""Features of a folder of images on a Ray cluster: ``python embed_ray.py FOLDER OUT``. The same as ``python -m mlprobe.ray
embed FOLDER --out OUT``; a copy to change.
"""

import sys

import mlprobe
from mlprobe.ray import embed, read

found = embed(sys.argv[1], sys.argv[2], extractor=mlprobe.SqueezeNet(input_size=128), skip_broken=True)
print(found)
print(read(sys.argv[2]).schema)
