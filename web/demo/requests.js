// The panel "At the door": what the gateway did with each request.

import { byId, element } from './dom.js';

const shown = 40; // older ones are dropped, so that a long evening does not fill the page

let count = 0;

/** Adds a request that has ended. */
export function showRequest({ method, path, status, reason, cache, milliseconds }) {
  count++;
  const list = byId('requests');
  const data = { 'data-method': method, 'data-path': path, 'data-status': status, 'data-reason': reason, 'data-cache': cache };
  list.prepend(element('li', { value: count, ...data },
    element('span', { class: 'log-method' }, method),
    element('span', { class: 'log-path', title: path }, path),
    element('span', { class: 'log-status' }, status === 0 ? '–' : String(status)),
    element('span', { class: 'log-time' }, milliseconds === undefined ? 'pushed' : `${Math.round(milliseconds)} ms`),
    cache ? element('span', { class: 'log-cache' }, cache) : null,
    reason ? element('span', { class: 'log-reason' }, reason) : null));
  while (list.children.length > shown) list.lastChild.remove();
  byId('requests-count').textContent = count === 1 ? '1 request' : `${count} requests`;
}
