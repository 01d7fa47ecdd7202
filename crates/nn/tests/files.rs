//! Networks on disk.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic, and so may its helpers")]

use mlprobe_nn::{Error, Mlp, TrainingState};
use sha2::{Digest, Sha256};
use std::path::PathBuf;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn saved() -> (tempfile::TempDir, PathBuf, Mlp<f32>, Vec<u8>) {
    let folder = folder();
    let path = folder.path().join("model.safetensors");
    let model = Mlp::new(&[7, 5, 3], 1).unwrap();
    model.save(&path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    (folder, path, model, bytes)
}

#[test]
fn a_network_comes_back_bit_for_bit() {
    let (_folder, path, model, _) = saved();
    assert_eq!(Mlp::load(&path).unwrap(), model);
    let model = Mlp::<f64>::new(&[4, 2], 1).unwrap();
    model.save(&path).unwrap();
    assert_eq!(Mlp::load(&path).unwrap(), model);
}

#[test]
fn equal_networks_give_equal_files_and_nothing_else() {
    let (folder, path, model, bytes) = saved();
    model.save(&path).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn the_file_holds_the_documented_tensors() {
    let (_folder, _, model, bytes) = saved();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let weight = file.tensor("layers.1.weight").unwrap();
    assert_eq!(weight.shape(), [3, 5]);
    let second = f32::from_le_bytes(weight.data()[4..8].try_into().unwrap());
    assert_eq!(second, model.layers()[1].weight[[0, 1]]);
    let (_, metadata) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let (header, architecture) =
        (file_header(&bytes), &metadata.metadata().as_ref().unwrap()["architecture"]);
    let digest = mlprobe_files::hex(&Sha256::digest(&bytes[header..]));
    assert_eq!(architecture, &format!("mlp relu 7-5-3; sha256 {digest}"));
}

/// Bytes before the numbers.
fn file_header(bytes: &[u8]) -> usize {
    8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize
}

#[test]
fn a_file_from_before_digests_still_loads() {
    let (_folder, path, model, bytes) = saved();
    let views = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let metadata = [("architecture".to_string(), "mlp relu 7-5-3".to_string())].into();
    std::fs::write(&path, safetensors::serialize(views.tensors(), Some(metadata)).unwrap()).unwrap();
    assert_eq!(Mlp::load(&path).unwrap(), model);
}

#[test]
fn a_flipped_bit_in_any_byte_of_a_network_or_checkpoint_is_refused() {
    let folder = folder();
    let path = folder.path().join("model.safetensors");
    let model = Mlp::<f32>::new(&[3, 2, 2], 1).unwrap();
    let velocity = model.layers().to_vec();
    model.save(&path).unwrap();
    let network = std::fs::read(&path).unwrap();
    TrainingState { model, seed: 3, epochs_done: 12, velocity }.save(&path).unwrap();
    let state = std::fs::read(&path).unwrap();
    let check = |bytes: &[u8], load: &dyn Fn() -> Option<Error>| {
        for position in 0..bytes.len() {
            let mut damaged = bytes.to_vec();
            damaged[position] ^= 1 << (position % 8);
            std::fs::write(&path, damaged).unwrap();
            match load() {
                Some(Error::File { path: named, .. }) => assert_eq!(named, path),
                other => panic!("byte {position}: {other:?}"),
            }
        }
    };
    check(&network, &|| Mlp::<f32>::load(&path).err());
    check(&state, &|| TrainingState::<f32>::load(&path).err());
}

#[test]
fn a_network_that_training_broke_is_not_saved() {
    let (_folder, path, model, bytes) = saved();
    let state = |weight| {
        let mut velocity = model.layers().to_vec();
        velocity[1].weight[[0, 0]] = weight;
        TrainingState { model: model.clone(), seed: 1, epochs_done: 1, velocity }
    };
    let error = state(f32::INFINITY).save(&path).unwrap_err();
    assert!(error.to_string().contains("a parameter of velocity.1 is inf"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}

#[test]
fn a_missing_file_or_folder_is_named() {
    let folder = folder();
    let path = folder.path().join("none").join("model.safetensors");
    let model = Mlp::<f32>::new(&[2, 2], 1).unwrap();
    for error in [Mlp::<f32>::load(&path).unwrap_err(), model.save(&path).unwrap_err()] {
        assert!(matches!(error, Error::Io { .. }));
        assert!(error.to_string().contains("none"), "{error}");
    }
}

#[test]
fn a_file_of_the_other_number_type_is_refused_by_field() {
    let (_folder, path, ..) = saved();
    let error = Mlp::<f64>::load(&path).unwrap_err().to_string();
    assert!(error.contains("layers.0.weight: expected F64 [5, 7], got F32 [5, 7]"), "{error}");
}

#[test]
fn what_is_wrong_in_a_file_is_named() {
    let (_folder, path, model, bytes) = saved();
    let header = file_header(&bytes);
    // Same length, so that the header's offsets stay right.
    let replaced = |from: &str, to: &str| {
        assert_eq!(from.len(), to.len());
        let text = String::from_utf8(bytes[8..header].to_vec()).unwrap();
        assert!(text.contains(from));
        [&bytes[..8], text.replace(from, to).as_bytes(), &bytes[header..]].concat()
    };
    let mut nan = bytes.clone();
    nan[header..header + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    let table = [
        (Vec::new(), "header"),
        (bytes[..header - 1].to_vec(), "header"),
        (bytes[..bytes.len() - 1].to_vec(), "header"),
        ([&bytes[..], b"x"].concat(), "header"),
        (replaced("architecture", "architektura"), "architecture"),
        (replaced("7-5-3", "7-5-x"), "architecture"),
        (replaced("7-5-3", "7-6-3"), "layers.0.weight: expected F32 [6, 7], got F32 [5, 7]"),
        (replaced("layers.1.bias", "layers.9.bias"), "layers.1.bias: expected F32 [3], got nothing"),
        (nan, "numbers: expected SHA-256"),
    ];
    for (bytes, part) in table {
        std::fs::write(&path, bytes).unwrap();
        let error = Mlp::<f32>::load(&path).unwrap_err();
        assert!(matches!(error, Error::File { .. }), "{error}");
        assert!(error.to_string().contains(part), "{error:?} does not say {part:?}");
        assert!(error.to_string().contains("model.safetensors"), "{error}");
        // It may be a file that somebody else has made.
        assert!(
            error.to_string().contains("name a network that mlprobe has saved, or, if this is one"),
            "{error}"
        );
    }
    model.save(&path).unwrap();
    assert_eq!(Mlp::load(&path).unwrap(), model);
}

#[test]
fn a_number_that_is_not_finite_is_named() {
    let (_folder, path, _, mut bytes) = saved();
    let header = file_header(&bytes);
    bytes[header..header + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    let views = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let metadata = [("architecture".to_string(), "mlp relu 7-5-3".to_string())].into();
    std::fs::write(&path, safetensors::serialize(views.tensors(), Some(metadata)).unwrap()).unwrap();
    let error = Mlp::<f32>::load(&path).unwrap_err().to_string();
    assert!(error.contains("layers.0.bias: expected finite numbers, got NaN at position 0"), "{error}");
}

#[test]
fn a_checkpoint_comes_back_bit_for_bit_and_holds_a_network() {
    let (_folder, path, model, _) = saved();
    for velocity in [Vec::new(), Mlp::new(&[7, 5, 3], 2).unwrap().layers().to_vec()] {
        let state = TrainingState { model: model.clone(), seed: u64::MAX, epochs_done: 12, velocity };
        state.save(&path).unwrap();
        assert_eq!(TrainingState::load(&path).unwrap(), state);
        assert_eq!(Mlp::load(&path).unwrap(), model);
    }
}

#[test]
fn a_network_alone_is_no_checkpoint() {
    let (_folder, path, ..) = saved();
    let error = TrainingState::<f32>::load(&path).unwrap_err().to_string();
    assert!(error.contains("seed: expected U64 [], got nothing"), "{error}");
}
