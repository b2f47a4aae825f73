// contactfold's page script: it tells which visitor is here, and who that is once the page knows (docs/doors/intercept.md).
// Served without comments and indentation (script.py), so a comment has a line of its own. Nothing here may ever throw
// into the page, and nothing is stored or sent before it may be.
((w, d, n) => {
  const KEY = "contactfold", DAY = 864e5, LIFE = 395 * DAY, WAIT = 100, targets = [];
  // `said` is all that this page said of the present visitor, for a script that comes later.
  let said = {}, need, given, refused, timer, own = "";

  const quietly = (call) => (...given) => {
    try { return call(...given); } catch (e) { return null; }
  };
  const read = quietly((key) => w.localStorage.getItem(key));
  const drop = quietly((key) => w.localStorage.removeItem(key));
  const asked = () => n.globalPrivacyControl || n.doNotTrack === "1" || w.doNotTrack === "1";
  const may = () => !refused && (given || !need) && !asked();

  const bake = (text, seconds) => {
    d.cookie = `${KEY}=${text}; path=/; samesite=lax; max-age=${seconds}${w.isSecureContext ? "; secure" : ""}`;
  };

  // The visitor's id and when it was made: kept for 13 months from then, however often they come.
  const visitor = () => {
    if (!may()) { return null; }
    const kept = read(KEY) || (/(?:^|; )contactfold=([\w.]+)/.exec(d.cookie) || [])[1] || own;
    const [, id, made] = /^([0-9a-f]{32})\.(\d{13})$/.exec(kept) || [], age = Date.now() - made;
    if (age < LIFE && age > -DAY) { return id; }
    const bytes = Array.from(w.crypto.getRandomValues(new Uint8Array(16)));
    const fresh = bytes.map((byte) => (byte + 256).toString(16).slice(1)).join("");
    own = `${fresh}.${Date.now()}`;
    try { w.localStorage.setItem(KEY, own); } catch (e) { bake(own, LIFE / 1e3); }
    return fresh;
  };

  const forget = () => {
    own = "";
    said = {};
    targets.forEach((t) => { t.waiting = drop(t.key); });
    drop(KEY);
    bake("", 0);
  };

  const post = (t, id, values, leaving) => {
    const body = JSON.stringify({source: t.source, visitor_id: id, values});
    let mark = 0;
    if (Object.keys(values).length) { for (const c of body) { mark = mark * 31 + c.codePointAt(0) | 0; } }
    // What was taken within a day is not told again: page after page would be evidence after evidence.
    const [who, at, what] = (read(t.key) || "").split(" ");
    if (who === id && Date.now() - at < DAY && (!mark || +what === mark)) { return; }
    if (leaving && n.sendBeacon(t.url, body)) { return; }
    w.fetch(t.url, {method: "POST", body, keepalive: true, credentials: "omit"}).then((reply) => {
      if (reply.ok && visitor() === id) { w.localStorage.setItem(t.key, `${id} ${Date.now()} ${mark}`); }
    }).catch(() => null);
  };

  const flush = quietly((leaving) => {
    clearTimeout(timer);
    timer = 0;
    const id = visitor();
    targets.forEach((t) => {
      const values = id && t.waiting;
      if (values) {
        t.waiting = null;
        quietly(post)(t, id, values, leaving);
      }
    });
  });

  const leave = () => flush(true);

  // Calls of one moment are one statement, unless they contradict each other.
  const tell = (t, values) => {
    if (Object.keys(values).some((k) => t.waiting && k in t.waiting && t.waiting[k] !== values[k])) { flush(); }
    t.waiting = Object.assign({}, t.waiting, values);
    timer = timer || setTimeout(flush, WAIT);
  };

  const say = (values) => {
    if (refused || asked()) { return; }
    Object.assign(said, values);
    targets.forEach((t) => tell(t, values));
  };

  const api = {
    visitor,
    identify: (values) => { if (typeof values === "object") { say(values); } },
    visit: () => say({}),
    consent: (yes) => {
      given = yes === true;
      refused = !given;
      if (refused) { forget(); }
      targets.forEach((t) => { if (given && (t.visits || t.waiting)) { tell(t, {}); } });
    },
    // Somebody signs out: whoever comes next is another visitor.
    reset: () => { flush(); forget(); },
    push: ([name, ...rest]) => api[name](...rest),
    add: (t) => {
      if (targets.some((one) => one.key === t.key)) { return; }
      targets.push(t);
      need = need || t.need;
      if (t.visits || Object.keys(said).length) { tell(t, said); }
    }
  };

  quietly(() => {
    const tag = d.currentScript || d.querySelector("[data-source][src*='intercept.js']"), before = w.contactfold;
    const {source, consent, visit} = tag.dataset, url = new URL("intercept", tag.src).href;
    const t = {source, url, key: `${KEY} ${source} ${url}`, need: consent === "required", visits: visit !== "off"};
    if (before && before.add) { before.add(t); return; }
    Object.keys(api).forEach((name) => { api[name] = quietly(api[name]); });
    w.contactfold = api;
    w.addEventListener("pagehide", leave);
    d.addEventListener("visibilitychange", leave);
    if (asked()) { forget(); }
    const start = () => {
      api.add(t);
      if (Array.isArray(before)) { before.forEach((call) => api.push(call)); }
    };
    if (d.prerendering) { d.addEventListener("prerenderingchange", start); } else { start(); }
  })();
})(window, document, navigator);
