"""The hub's page in headless Chromium, over its debugging pipe: log in by the link, look at every page in several sizes and
both colour schemes, check what only a browser knows, take pictures. Standard library alone.

usage: browser.py CHROMIUM LINK FOLDER CASE

Checks, of WCAG 2.2 AA: 1.4.3 contrast of every text, 1.4.10 reflow at 320 px, 2.4.7 focus visible by keyboard alone,
2.5.8 target size, 1.3.1 and 4.1.2 names and headers, 2.4.2 titles; that the page says nothing on the console and asks
nothing of other machines; and that an entry that comes in reaches an open page by itself. Prints a line a fault and "N faults";
exit 1 where there are any."""
import base64, json, os, subprocess, sys, time

CHECK = r"""
(() => {
  const faults = [];
  const seen = e => { const r = e.getBoundingClientRect(), s = getComputedStyle(e);
    return r.width > 0 && r.height > 0 && s.visibility !== 'hidden' && r.right > 0; };
  const rgb = t => (t.match(/[\d.]+/g) || []).map(Number);
  const lum = c => { const f = c.slice(0, 3).map(v => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; });
    return .2126 * f[0] + .7152 * f[1] + .0722 * f[2]; };
  const back = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor);
    if (c.length === 3 || c[3] === 1) return c; } return [255, 255, 255]; };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.textContent.trim() || !seen(e) || ['SCRIPT', 'STYLE', 'OPTION'].includes(e.tagName)) continue;
    const a = lum(rgb(getComputedStyle(e).color)), b = lum(back(e));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) faults.push(`contrast ${ratio.toFixed(2)} of "${walk.currentNode.textContent.trim().slice(0, 30)}"`);
  }
  for (const e of document.querySelectorAll('a, button, input, select')) {
    if (!seen(e)) continue;
    const r = e.getBoundingClientRect();
    if (r.width < 24 || r.height < 24) faults.push(`target ${Math.round(r.width)}x${Math.round(r.height)} of "${e.textContent.trim().slice(0, 30)}"`);
    const name = e.textContent.trim() || e.getAttribute('aria-label') || (e.labels && e.labels.length && e.labels[0].textContent.trim());
    if (!name) faults.push(`no name: ${e.outerHTML.slice(0, 60)}`);
    if ((e.tagName === 'INPUT' || e.tagName === 'SELECT') && !(e.labels && e.labels.length)) faults.push(`no label: ${e.id}`);
  }
  if (document.documentElement.scrollWidth > document.documentElement.clientWidth) faults.push(`page scrolls sideways: ${document.documentElement.scrollWidth} px`);
  if (document.querySelectorAll('h1').length !== 1) faults.push('not one h1');
  if (!document.documentElement.lang) faults.push('no language');
  if (!document.title) faults.push('no title');
  if (document.querySelectorAll('main').length !== 1) faults.push('not one main');
  for (const t of document.querySelectorAll('table')) {
    if (!t.caption) faults.push('a table without a caption');
    if ([...t.querySelectorAll('th')].some(h => !h.scope)) faults.push('a header without scope');
  }
  for (const e of document.querySelectorAll('.scroll')) if (e.tabIndex !== 0 || !e.getAttribute('aria-label')) faults.push('a scrolling part out of reach of the keyboard');
  return faults;
})()
"""
FOCUS = r"""
(() => { const e = document.activeElement; if (!e || e === document.body) return null;
  const s = getComputedStyle(e); return {what: (e.textContent.trim() || e.name || e.id || e.tagName).slice(0, 30),
  outline: s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2}; })()
"""


class Browser:
    def __init__(self, program, folder):
        to_read, to_write = os.pipe()
        from_read, from_write = os.pipe()

        def wire():
            os.dup2(to_read, 3)
            os.dup2(from_write, 4)

        arguments = [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run",
                     "--disable-background-networking", "--disable-component-update", "--user-data-dir=" + folder + "/profile"]
        os.set_inheritable(to_read, True)
        os.set_inheritable(from_write, True)
        self.process = subprocess.Popen(arguments, preexec_fn=wire, pass_fds=(3, 4, to_read, from_write),
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(from_write)
        self.write_to, self.read_from = to_write, from_read
        self.number, self.rest, self.said = 0, b"", []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = None
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.ask(domain + ".enable")

    def next(self):
        while b"\0" not in self.rest:
            self.rest += os.read(self.read_from, 1 << 20)
        one, self.rest = self.rest.split(b"\0", 1)
        return json.loads(one)

    def note(self, message):
        method, given = message.get("method"), message.get("params", {})
        if method in ("Runtime.exceptionThrown", "Log.entryAdded") or (
                method == "Runtime.consoleAPICalled" and given.get("type") == "error"):
            self.said.append(json.dumps(given)[:300])
        if method == "Network.requestWillBeSent":
            url = given["request"]["url"]
            if not url.startswith(("http://127.0.0.1:", "about:", "data:", "chrome:")):
                self.said.append("asked elsewhere: " + url)

    def ask(self, method, **given):
        self.number += 1
        message = {"id": self.number, "method": method, "params": given}
        if getattr(self, "session", None):
            message["sessionId"] = self.session
        os.write(self.write_to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.next()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(method + ": " + json.dumps(answer["error"]))
                return answer["result"]
            self.note(answer)

    def run(self, script):
        result = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        return result["result"].get("value")

    def until(self, script, seconds=10):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if self.run(script):
                    return True
            except RuntimeError:
                pass  # between two pages
        return False

    def go(self, url):
        self.ask("Page.navigate", url=url)
        return self.until(f"document.readyState === 'complete' && location.href.startsWith({json.dumps(url.split('?')[0])})")

    def size(self, width, height):
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def scheme(self, name):
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def shoot(self, file):
        with open(file, "wb") as out:
            out.write(base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"]))

    def press(self, key, code):
        for kind in ("keyDown", "keyUp"):
            text = {"text": "\r"} if key == "Enter" and kind == "keyDown" else {}
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **text)

    def end(self):
        try:
            self.session = None
            self.ask("Browser.close")
        except (RuntimeError, OSError):
            pass
        self.process.wait()


def main():
    program, link, folder, case = sys.argv[1:5]
    base = link.split("/login")[0]
    faults = []
    browser = Browser(program, folder)
    try:
        # By keyboard alone: the link, then the button.
        browser.size(1280, 800)
        browser.go(link)
        faults += ["/login: " + fault for fault in browser.run(CHECK)]
        browser.shoot(folder + "/login.png")
        browser.run("document.querySelector('#token').focus()")
        browser.press("Enter", 13)
        if not browser.until("document.querySelector('nav') !== null"):
            faults.append("the link does not log in")
        for path in ("/", "/pairs", "/deadlines", "/deadlines?state=missed", "/unopened", "/cases", "/live", "/case/" + case):
            name = path.strip("/").split("?")[0].split("/")[0] or "overview"
            for scheme in ("light", "dark"):
                for width, height in ((1280, 800), (320, 640)):
                    browser.scheme(scheme)
                    browser.size(width, height)
                    browser.go(base + path)
                    faults += [f"{path} {width} {scheme}: {fault}" for fault in browser.run(CHECK)]
                    browser.shoot(f"{folder}/{name}-{width}-{scheme}.png")
        # Focus can be seen wherever Tab leads.
        browser.go(base + "/")
        reached = 0
        for _ in range(12):
            browser.press("Tab", 9)
            at = browser.run(FOCUS)
            if at:
                reached += 1
                if not at["outline"]:
                    faults.append(f"focus cannot be seen on {at['what']}")
        if reached < 10:
            faults.append(f"Tab reaches {reached} places of 12")
        # An entry that comes in reaches the open page.
        browser.go(base + "/live")
        before = browser.run("document.getElementById('main').dataset.changes")
        print("live", flush=True)
        sys.stdin.readline()
        if not browser.until(f"document.getElementById('main').dataset.changes !== {json.dumps(before)}", 5):
            faults.append("an entry that came in is not on the open page after 5 s")
        elif not browser.until("/new entr/.test(document.getElementById('news').textContent)", 5):
            faults.append("the live region does not say that something came in")
        asked = browser.run("performance.getEntriesByType('resource').map(row => new URL(row.name).pathname)")
        if "/news" in asked:
            faults.append("the page asks from time to time, although it can listen")
        faults += ["the browser says: " + said for said in browser.said if "favicon" not in said]
    finally:
        browser.end()
    for fault in sorted(set(faults)):
        print(fault)
    print(len(set(faults)), "faults")
    return 1 if faults else 0


sys.exit(main())
