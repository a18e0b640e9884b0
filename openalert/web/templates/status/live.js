// Keeps a public page fresh, lets its bars be read day by day, and shows the reader's own time. It stores nothing, and
// asks nothing of anybody but this page's own address.
(() => {
  const doc = document, main = doc.querySelector('main'), words = doc.body.dataset, lang = doc.documentElement.lang;
  const one = (what, where = doc) => where.querySelector(what);
  const all = (what, where = doc) => [...where.querySelectorAll(what)];
  const put = (name, options) => Object.assign(doc.createElement(name), options);

  // The reader's own time beside the page's, where that is another.
  const localize = where => all('time', where).forEach(time => {
    const at = new Date(time.dateTime), day = { dateStyle: 'medium' }, clock = { timeStyle: 'short', hour12: false };
    const own = at.toLocaleTimeString(lang, clock);
    if (isNaN(at) || time.closest('[role=status],.line') || time.textContent.includes(own)) return;
    const same = new Intl.DateTimeFormat('en-CA').format(at) == time.dateTime.slice(0, 10);
    time.after(put('span', { className: 'own', textContent:
      ' (' + words.time.replace('{time}', same ? own : at.toLocaleString(lang, { ...day, ...clock })) + ')' }));
  });

  // A strip is one stop of the keyboard; its days are made when somebody comes to it.
  const name = (strip, day) => {
    const odd = one(`[data-day="${day}"]>span`, strip.parentNode);
    if (odd) return odd.textContent;
    const at = new Date(strip.dataset.first + 'T00:00Z');
    at.setUTCDate(at.getUTCDate() + day);
    return at.toLocaleDateString(lang, { dateStyle: 'medium', timeZone: 'UTC' }) + ': ' +
      (day < strip.dataset.unknown ? words.none : words.fine);
  };
  const open = strip => {
    if (one('button', strip)) return;
    const count = +strip.dataset.count, bars = strip.firstElementChild;
    const first = bars.getBoundingClientRect().width > strip.clientWidth * 1.5 ? count / 2 : 0;
    const row = put('div', { className: 'row' });
    for (let day = first; day < count; day++) {
      const button = put('button', { type: 'button', tabIndex: day == count - 1 ? 0 : -1 });
      button.dataset.at = day;
      button.setAttribute('aria-label', name(strip, day));
      row.append(button);
    }
    strip.append(row);
    strip.tabIndex = -1;
    bars.setAttribute('aria-hidden', true);
  };
  const ready = () => all('.strip').forEach(strip => {
    strip.tabIndex = 0;
    strip.setAttribute('role', 'group');
    strip.setAttribute('aria-label', one('svg', strip).getAttribute('aria-label'));
  });
  const tell = button => {
    all('.tip').forEach(tip => tip.remove());
    if (button) button.closest('.strip').after(put('p', { className: 'tip', textContent: button.ariaLabel, ariaHidden: true }));
  };
  const day = event => event.target.closest?.('.row button');
  main.addEventListener('focusin', event => {
    if (event.target.matches('.strip')) { open(event.target); one('[tabindex="0"]', event.target).focus(); }
    tell(day(event));
  });
  main.addEventListener('focusout', () => tell());
  main.addEventListener('pointerover', event => {
    const strip = event.target.closest?.('.strip');
    if (strip) open(strip);
    tell(day(event));
  });
  main.addEventListener('click', event => {
    const list = day(event) && one('details', day(event).closest('.component'));
    if (list) list.open = true;
  });
  main.addEventListener('keydown', event => {
    const button = day(event), step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -7, PageDown: 7, Home: -999, End: 999 }[event.key];
    if (event.key == 'Escape') tell();
    if (!button || !step) return;
    event.preventDefault();
    const days = [...button.parentNode.children];
    const next = days[Math.min(days.length - 1, Math.max(0, days.indexOf(button) + step))];
    button.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });

  // Fresh words take the place of the old ones; what the reader opened, where they are and what they look at stays.
  const swap = page => {
    const was = one('#live'), now = one('#live', page), banner = one('#banner'), said = one('#banner', page);
    doc.title = page.title;
    one('[rel=icon]').href = one('[rel=icon]', page).href;
    one('#as-of').replaceWith(one('#as-of', page));
    localize(one('#as-of'));
    if (banner && banner.innerHTML != said.innerHTML) {
      banner.className = said.className;
      banner.replaceChildren(...said.childNodes);
    }
    words.every = page.body.dataset.every || '';
    if (now.innerHTML == shown) return;
    shown = now.innerHTML;
    all('details', was).forEach(old => {
      const fresh = one('#' + old.id, now);
      if (fresh && old.open != 'open' in old.dataset) fresh.open = old.open;
    });
    const at = doc.activeElement, home = was.contains(at) && at.closest('[id]');
    const place = home && all('a,summary', home).indexOf(at), on = at.dataset?.at;
    const seen = all('[id]', was).map(each => [each.id, each.getBoundingClientRect()]).filter(([, box]) => box.bottom > 0);
    if (home) seen.unshift([home.id, home.getBoundingClientRect()]);
    was.replaceWith(now);
    localize(now);
    ready();
    const back = home && one('#' + home.id);
    if (back && on) { open(back); one('[tabindex="0"]', back).tabIndex = -1; }
    const target = back && (on ? one(`[data-at="${on}"]`, back) : all('a,summary', back)[place] || back);
    if (target && on) target.tabIndex = 0;
    target?.focus({ preventScroll: true });
    const stays = seen.find(([id]) => one('#' + id));
    if (stays) scrollBy(0, one('#' + stays[0]).getBoundingClientRect().top - stays[1].top);
  };

  let shown = one('#live')?.innerHTML, tag, failed = 0, timer, last = Date.now();
  const plan = () => {
    clearTimeout(timer);
    if (!doc.hidden && words.every && !one('.copy')) timer = setTimeout(look, words.every * 2 ** Math.min(failed, 4) * (900 + 200 * Math.random()));
  };
  const look = async () => {
    last = Date.now();
    try {
      const answer = await fetch(location.pathname, { headers: tag ? { 'If-None-Match': tag } : {}, signal: AbortSignal.timeout(20000) });
      if (answer.status == 404) return;
      if (answer.ok && !getSelection().toString()) {
        const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
        swap(page);
        tag = answer.headers.get('etag');
      }
      failed = answer.ok || answer.status == 304 ? 0 : failed + 1;
    } catch { failed++; }
    plan();
  };
  doc.addEventListener('visibilitychange', () => doc.hidden || Date.now() - last < 2e4 ? plan() : look());
  localize(doc);
  ready();
  plan();
})();
