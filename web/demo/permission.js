// Asking for what a panel shows only when its user wants it: a step-up login, which keeps what was granted before.

import { byId } from './dom.js';
import { stagedoor } from './gateway.js';

/** Connects the button of a panel, once. */
export function setUpPermission(id, scopes) {
  byId(`${id}-allow`).addEventListener('click', () => stagedoor.login({ scope: scopes }));
}

/** Tells whether the session has all the scopes, and otherwise shows what is missing and the button. */
export function permitted(id, session, scopes) {
  const missing = scopes.filter((scope) => !session.scopes.includes(scope));
  byId(`${id}-permission`).hidden = missing.length === 0;
  byId(`${id}-missing`).textContent = `This login does not include ${missing.join(' and ')}. You can add it without logging out.`;
  return missing.length === 0;
}
