// A list that grows page by page, by following `next` as Spotify gives it and the gateway rewrote it.

import { byId } from './dom.js';
import { stagedoor } from './gateway.js';

/**
 * Fills the elements `${id}` (the list), `${id}-count` and `${id}-more` (the button), one page at a time.
 * `row` makes an item's element; `attempt` runs a task and shows what goes wrong.
 */
export function createPaging({ list, id, unit, row, attempt }) {
  const more = byId(`${id}-more`);
  const count = byId(`${id}-count`);
  let next = null;
  let signal;
  let shown = 0;
  let loading; // the signal of the page that is under way

  // The button stays enabled meanwhile, because a disabled one would lose the focus.
  async function loadPage() {
    if (loading && loading === signal) return;
    const mine = loading = signal;
    try {
      append(await stagedoor.get(next, { signal: mine }));
    } finally {
      if (loading === mine) loading = undefined;
    }
  }

  function append(page) {
    const items = page.items.filter((item) => item !== null); // Spotify leaves gaps where something was withdrawn
    const rows = items.map(row);
    list.append(...rows);
    shown += rows.length;
    next = page.next;
    count.textContent = next ? `${shown} of ${page.total}` : `${shown} ${shown === 1 ? unit[0] : unit[1]}`;
    Object.assign(count.dataset, { shown, total: page.total });
    if (!next && document.activeElement === more) rows[0]?.querySelector('button')?.focus();
    more.hidden = !next;
  }

  const load = () => attempt(id, loadPage);

  more.addEventListener('click', load);

  return {
    /** Starts anew at this path; the list stays empty without one. */
    start(path, until) {
      signal = until;
      next = path;
      shown = 0;
      list.replaceChildren();
      count.textContent = '';
      more.hidden = true;
      return path ? load() : undefined;
    },
  };
}
