// The door that opens at a login. A fragment of the address brings the news, because this page stores nothing.

import { byId } from './dom.js';

const mark = '#welcome';

/** The address to come back to from a login that the door opens for. */
export const welcome = () => location.pathname + location.search + mark;

/** Closes the door while the gateway is asked who has come, where a login has just ended and motion is welcome. */
export function closeDoor() {
  if (location.hash !== mark) return;
  history.replaceState(null, '', location.pathname + location.search);
  byId('entrance').hidden = matchMedia('(prefers-reduced-motion: reduce)').matches;
}

/** Opens the door, or takes it away for a visitor who is not logged in. */
export function openDoor(authenticated) {
  const door = byId('entrance');
  if (!authenticated) door.hidden = true;
  if (door.hidden) return;
  door.addEventListener('animationend', ({ target }) => { if (target === door) door.hidden = true; });
  door.classList.add('open');
}
