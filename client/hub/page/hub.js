// What changes without a reload: every two seconds the page asks whether anything came in, and fetches its own main part
// again. Without this script each page is complete and the reader reloads it.
(function () {
  "use strict";
  var main = document.getElementById("main");
  var said = document.getElementById("news");
  var pause = document.getElementById("pause");
  var seen = main && main.dataset.changes;
  var stopped = false;

  if (!main || !said || seen === undefined) { return; }
  if (pause) {
    pause.hidden = false;
    pause.addEventListener("click", function () {
      stopped = !stopped;
      pause.setAttribute("aria-pressed", String(stopped));
    });
  }

  // Whoever is in a field, or has something inside main in focus, is not disturbed: the place stays theirs.
  function place() {
    var at = document.activeElement;
    return at && main.contains(at) ? at.getAttribute("data-key") || at.id || "?" : "";
  }

  function put(text) {
    var fresh = new DOMParser().parseFromString(text, "text/html").getElementById("main");
    var key = place();
    if (!fresh || key === "?") { return; }
    seen = fresh.dataset.changes;
    main.replaceChildren.apply(main, Array.from(fresh.childNodes));
    main.dataset.changes = seen;
    if (key) {
      var again = document.getElementById(key) || main.querySelector('[data-key="' + CSS.escape(key) + '"]');
      if (again) { again.focus({ preventScroll: true }); }
    }
  }

  function say(text) { if (said.textContent !== text) { said.textContent = text; } }

  function look() {
    if (stopped || document.hidden) { return; }
    fetch("/news", { credentials: "same-origin", cache: "no-store" }).then(function (answer) {
      if (answer.status === 401) { say("Your session has ended. Ask for a new link."); stopped = true; return null; }
      return answer.json();
    }).then(function (news) {
      if (!news) { return null; }
      var count = news.changes - Number(seen);
      if (news.changes === Number(seen)) { say(news.online ? "Up to date." : "The broker is away; this is the last that came."); return null; }
      return fetch(location.href, { credentials: "same-origin", cache: "no-store" }).then(function (answer) {
        return answer.ok ? answer.text() : null;
      }).then(function (text) {
        if (text) { put(text); say(count > 0 ? count + " new entries, " + new Date().toLocaleTimeString("en-GB") : "Up to date."); }
      });
    }).catch(function () { say("The hub does not answer; trying again."); });
  }

  window.setInterval(look, 1000);
})();
