// Covers and faces, drawn from a name: the same name always gives the same picture, and no picture has to be loaded.

import { drawing } from './dom.js';

const palettes = [
  ['#2a2060', '#f4b73b', '#6f5ad6'],
  ['#7d1f3f', '#ffd08a', '#c2476b'],
  ['#0d4f59', '#ffcf5c', '#2b8f8c'],
  ['#3b2a8c', '#ff9d7a', '#7562e0'],
  ['#1b3766', '#9fe3d4', '#3f6cb0'],
  ['#52265f', '#ffb1c4', '#9450a6'],
  ['#26313f', '#f7e3a1', '#5f7890'],
  ['#8a3a16', '#ffe0a8', '#d9702f'],
];

const motifs = [spotlight, curtain, moon, stairs, arches, bulbs];

/** Draws the cover of a playlist or a track. */
export function cover(name) {
  const seed = hash(name);
  const colours = palettes[seed % palettes.length];
  const motif = motifs[(seed >>> 8) % motifs.length];
  const flip = (seed >>> 16) % 2 === 1 ? { transform: 'matrix(-1 0 0 1 48 0)' } : {};
  return picture(colours[0], drawing('g', flip, ...motif(colours, seed >>> 17)));
}

/** Draws a person: the first letters of the name. */
export function face(name) {
  const colours = palettes[hash(name) % palettes.length];
  const initials = name.trim().split(/\s+/).slice(0, 2).map((word) => [...word][0]).join('').toUpperCase();
  return picture(colours[0],
    drawing('circle', { cx: 40, cy: 6, r: 22, fill: colours[2] }),
    drawing('text', {
      x: 24, y: 30, 'text-anchor': 'middle', 'font-size': 17, 'font-weight': 600, fill: colours[1],
    }, initials || '?'));
}

function picture(background, ...shapes) {
  return drawing('svg', { viewBox: '0 0 48 48', 'aria-hidden': 'true', focusable: 'false' },
    drawing('rect', { width: 48, height: 48, fill: background }), ...shapes);
}

function spotlight([, light, shade], seed) {
  const x = 14 + (seed % 20);
  return [
    drawing('path', { d: `M${x - 3} 0h6L42 48H6Z`, fill: shade }),
    drawing('ellipse', { cx: 24, cy: 40, rx: 17, ry: 5, fill: light }),
  ];
}

function curtain([, light, shade], seed) {
  const folds = [0, 1, 2, 3, 4, 5].map((n) => {
    const length = (seed >>> n) % 2 === 0 ? 38 : 34;
    return drawing('path', { d: `M${n * 8} 0h4v${length}a2 4 0 0 1-4 0Z`, fill: shade });
  });
  return [drawing('rect', { y: 40, width: 48, height: 8, fill: light }), ...folds];
}

function moon([dark, light, shade], seed) {
  const cy = 18 + (seed % 8);
  return [
    drawing('path', { d: 'M0 38c12-6 20 4 48-3v13H0Z', fill: shade }),
    drawing('circle', { cx: 26, cy, r: 11, fill: light }),
    drawing('circle', { cx: 31, cy: cy - 3, r: 9, fill: dark }),
  ];
}

function stairs([, light, shade], seed) {
  const high = seed % 4;
  return [0, 1, 2, 3].map((n) => drawing('rect', {
    x: n * 12, y: 36 - n * 9, width: 12, height: 48, fill: n === high ? light : shade, opacity: n === high ? 1 : 0.55 + n * 0.15,
  }));
}

function arches([dark, light, shade], seed) {
  const [outer, inner] = seed % 2 === 0 ? [shade, light] : [light, shade];
  return [[20, outer], [14, dark], [8, inner]].map(([r, fill]) =>
    drawing('path', { d: `M${24 - r} 48V${26}a${r} ${r} 0 0 1 ${2 * r} 0v22Z`, fill }));
}

function bulbs([, light, shade], seed) {
  return Array.from({ length: 9 }, (_, n) => drawing('circle', {
    cx: 10 + (n % 3) * 14, cy: 10 + Math.floor(n / 3) * 14, r: 4.5, fill: (seed >>> n) % 2 === 0 ? shade : light,
  }));
}

// hash is FNV-1a, 32 bits, with a last mix so that near names give far numbers.
function hash(text) {
  let value = 0x811c9dc5;
  for (const unit of new TextEncoder().encode(text)) value = Math.imul(value ^ unit, 0x01000193);
  value = Math.imul(value ^ (value >>> 15), 0x2c1b3c6d);
  return (value ^ (value >>> 13)) >>> 0;
}
