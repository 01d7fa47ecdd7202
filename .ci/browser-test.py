#!/usr/bin/env python3
"""Opens a report.html in headless Chromium, wide and narrow, light and dark, and looks for what a reader would miss.

    .ci/browser-test.py REPORT.html [--sets N | --audit] [--screenshots DIR]

Every figure, table and image has to be there, visible and readable; no text may be cut or lie on other text; nothing
may be wider than the screen, asked for from elsewhere, or written to the console. Needs Chromium (Debian: chromium)
and nothing else beyond Python: it talks to the browser through a pipe (--remote-debugging-pipe).
"""

import argparse
import base64
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

WIDTHS = [1280, 390, 360]
SCHEMES = ["light", "dark"]

# What a page of any comparison holds, whatever it found, and what a page of the study holds besides.
FIGURES = """arms differences test-accuracy train-accuracy test-loss train-loss accuracy-gap loss-gap cost-epochs
    cost-updates cost-seconds""".split()
TABLES = """arms differences mcnemar gaps costs classes precision calibration baselines probes stages""".split()
STUDY_FIGURES = """decomposition robustness tests gallery confused-0 mistakes-0 confused-1 mistakes-1""".split()
STUDY_TABLES = """c1 c2 c3""".split()
STUDY_ARMS = 4
# What the page of an audit of images holds that found duplicates and doubtful labels.
AUDIT = ["fig-duplicates", "fig-labels", "table-answers", "table-arms"]


def expected(sets, audit):
    """What has to be on a page: of an audit, of a comparison of so many sets, or else of the study."""
    if audit:
        return AUDIT
    figures = FIGURES + [f"{kind}-{arm}" for kind in ["confusion", "reliability"] for arm in range(sets or STUDY_ARMS)]
    tables = TABLES
    if not sets:
        figures, tables = figures + STUDY_FIGURES, tables + STUDY_TABLES
    return [f"fig-{figure}" for figure in figures] + [f"table-{table}" for table in tables]


# Runs in the page, with everything folded out; returns what is wrong.
CHECKS = r"""
(expected, width) => {
  const problems = [];
  const check = (holds, problem) => { if (!holds) problems.push(problem); };
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const name = (element) => element.closest("[id]")?.id + " " + (element.textContent.trim().slice(0, 40) || element.tagName);
  all("details").forEach((details) => { details.open = true; });

  for (const id of expected) check(document.getElementById(id), id + " is missing");
  for (const link of all("a[href^='#']"))
    check(document.getElementById(link.hash.slice(1)), "nothing at " + link.hash);
  // A phone would zoom out: innerWidth grows with the page.
  check(document.documentElement.scrollWidth <= width, "wider than the screen");

  for (const table of all("table"))
    check(table.caption && all("tbody tr", table).length && table.offsetWidth, "nothing in table " + table.id);
  for (const image of all("img"))
    check(image.complete && image.naturalWidth && image.offsetWidth && image.alt, "no image at " + name(image));
  for (const figure of all("figure")) {
    check(figure.querySelector("svg, img") && figure.querySelector("figcaption"), "nothing in " + figure.id);
  }
  for (const svg of all("figure svg")) {
    const id = svg.closest("figure").id;
    const frame = svg.getBoundingClientRect();
    check(frame.width > 250 && frame.height > 60, id + " is too small to see");
    for (const part of ["title", "desc"]) check(svg.querySelector(part)?.textContent.length > 3, id + " has no " + part);
    const scale = svg.getScreenCTM().a;
    const texts = all("text", svg).filter((text) => !text.closest(".tip"));
    check(texts.length > 3, id + " has no words");
    const boxes = texts.map((text) => ({ text, box: text.getBoundingClientRect() }));
    for (const { text, box } of boxes) {
      check(parseFloat(getComputedStyle(text).fontSize) * scale > 8.5, "too small to read: " + name(text));
      check(box.left > frame.left - 2 && box.right < frame.right + 2 && box.top > frame.top - 2 &&
        box.bottom < frame.bottom + 2, "cut: " + name(text));
    }
    boxes.forEach((a, i) => boxes.slice(i + 1).forEach((b) => {
      const wide = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
      const high = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
      check(wide < 1 || high < 4, name(a.text) + " lies on " + b.text.textContent);
    }));
    const tip = svg.querySelector(".tip");
    if (tip) {
      tip.focus();
      check(getComputedStyle(tip.querySelector("g")).visibility == "visible", id + " shows no exact values");
      tip.blur();
    }
  }

  // Contrast by WCAG 2: at least 4.5 to 1 for text.
  const channels = (colour) => colour.match(/[\d.]+/g).map(Number);
  const luminance = (colour) => channels(colour).slice(0, 3)
    .map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const background = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if (channels(colour)[3] !== 0) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  for (const element of all("body *").filter((e) => !e.closest("svg"))) {
    if (![...element.childNodes].some((node) => node.nodeType == 3 && node.data.trim())) continue;
    const [a, b] = [getComputedStyle(element).color, background(element)].map(luminance);
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    check(contrast >= 4.5, "contrast " + contrast.toFixed(1) + " at " + name(element));
  }
  return { problems, background: getComputedStyle(document.body).backgroundColor };
}
"""


class Browser:
    """Headless Chromium, told what to do in its DevTools protocol: JSON, each message ended by a zero byte."""

    def __init__(self, program, profile):
        reads, self.commands = os.pipe()
        self.answers, writes = os.pipe()
        # Chromium reads commands from 3 and writes answers to 4.
        redirect = f'exec "$0" "$@" 3<&{reads} 4>&{writes}'
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"]
        arguments = ["bash", "-c", redirect, program, *options, f"--user-data-dir={profile}"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(arguments, pass_fds=(reads, writes), **quiet)
        os.close(reads)
        os.close(writes)
        self.buffer, self.number, self.events = b"", 0, []

    def read(self):
        while b"\0" not in self.buffer:
            part = os.read(self.answers, 1 << 16)
            if not part:
                sys.exit("the browser has ended")
            self.buffer += part
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, session=None, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self.commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.read()
            if answer.get("id") == self.number:
                if "error" in answer:
                    sys.exit(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self.events.append(answer)

    def wait_for(self, method):
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self.read())


def look(browser, page, parts, width, scheme, screenshot):
    """What is wrong with the page, which should hold these parts, on such a screen, and its background colour."""
    target = browser.call("Target.createTarget", url="about:blank")["targetId"]
    session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    for domain in ["Page", "Runtime", "Log", "Network"]:
        browser.call(f"{domain}.enable", session)
    narrow = width < 600
    screen = {"width": width, "height": 900, "deviceScaleFactor": 2 if narrow else 1, "mobile": narrow}
    browser.call("Emulation.setDeviceMetricsOverride", session, **screen)
    preferred = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.call("Emulation.setEmulatedMedia", session, features=preferred)
    browser.events.clear()
    browser.call("Page.navigate", session, url=page.as_uri())
    browser.wait_for("Page.loadEventFired")

    expression = f"({CHECKS})({json.dumps(parts)}, {width})"
    answer = browser.call("Runtime.evaluate", session, expression=expression, returnByValue=True)
    if "exceptionDetails" in answer:
        sys.exit(answer["exceptionDetails"]["exception"]["description"])
    found = answer["result"]["value"]
    if screenshot:
        shot = browser.call("Page.captureScreenshot", session, captureBeyondViewport=True)
        screenshot.write_bytes(base64.b64decode(shot["data"]))

    problems = found["problems"]
    for event in browser.events:
        method, parameters = event.get("method"), event.get("params", {})
        if method in ["Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"]:
            problems.append(f"console: {json.dumps(parameters)[:300]}")
        elif method == "Network.requestWillBeSent":
            url = parameters["request"]["url"]
            if url != page.as_uri() and not url.startswith("data:"):
                problems.append(f"asks for {url}")
    browser.call("Target.closeTarget", targetId=target)
    return problems, found["background"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("report", type=pathlib.Path)
    parser.add_argument("--sets", type=int, metavar="N", help="a comparison of N training sets; else the study")
    parser.add_argument("--audit", action="store_true", help="an audit of images")
    parser.add_argument("--screenshots", type=pathlib.Path, metavar="DIR")
    arguments = parser.parse_args()
    program = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
    if not program:
        sys.exit("Chromium is missing; install it, on Debian with: apt-get install chromium")
    if arguments.screenshots:
        arguments.screenshots.mkdir(parents=True, exist_ok=True)

    report, parts = arguments.report.resolve(), expected(arguments.sets, arguments.audit)
    failed, backgrounds = False, {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(program, profile)
        for width in WIDTHS:
            for scheme in SCHEMES:
                folder = arguments.screenshots
                screenshot = folder and folder / f"{width}-{scheme}.png"
                problems, background = look(browser, report, parts, width, scheme, screenshot)
                backgrounds[scheme] = background
                print(f"{width} pixels, {scheme}: {'OK' if not problems else f'{len(problems)} problems'}")
                for problem in problems:
                    print(f"  {problem}")
                failed |= bool(problems)
        browser.call("Browser.close")
        browser.process.wait()
    if backgrounds["light"] == backgrounds["dark"]:
        print("light and dark look the same")
        failed = True
    sys.exit(failed)


if __name__ == "__main__":
    main()
