// How many tabs listen to the player. Each holds a lock as long as it does, so that one that is closed is not counted.

const prefix = 'stagedoor demo tab ';

/** Counts this tab until the signal ends. */
export function joinTabs(signal) {
  navigator.locks?.request(prefix + crypto.randomUUID(), () => new Promise((resolve) => signal.addEventListener('abort', resolve)));
}

/** Resolves to the number of tabs that listen now. */
export async function countTabs() {
  const { held } = await navigator.locks?.query() ?? { held: [] };
  return held.filter(({ name }) => name.startsWith(prefix)).length;
}
