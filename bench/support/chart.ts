import type { Machine } from './machine.ts';
import type { Result } from './rounds.ts';

const WIDTH = 860;
const LABEL_WIDTH = 400;
const BAR_HEIGHT = 16;
const ROW_HEIGHT = 26;
const TOP = 64;
const VALUE_WIDTH = 60;

/** Draws how each contestant's rate compares with its base: a bar for the median, a line from the worst round to the best. */
export function drawChart(results: readonly Result[], machine: Machine, target: number): string {
  const compared = results.filter(({ name, base, paced }) => name !== base && !paced);
  const longest = Math.max(1.25, ...compared.map(({ rate }) => rate.median)) * 1.05;
  const scale = (value: number) =>
    LABEL_WIDTH + (Math.min(value, longest) / longest) * (WIDTH - LABEL_WIDTH - VALUE_WIDTH);
  const height = TOP + compared.length * ROW_HEIGHT + 34;
  const rows = compared.map(({ part, name, base, rate }, index) => {
    const y = TOP + index * ROW_HEIGHT;
    const middle = y + BAR_HEIGHT / 2;
    return [
      text(LABEL_WIDTH - 8, middle + 4, `${part}: ${name} / ${base}`, 'end'),
      `<rect x="${LABEL_WIDTH}" y="${y}" width="${round(scale(rate.median) - LABEL_WIDTH)}" height="${BAR_HEIGHT}" fill="#4472a8"/>`,
      `<path d="M${round(scale(rate.min))} ${middle}H${round(scale(rate.max))}" stroke="#c0392b" stroke-width="2"/>`,
      text(WIDTH - VALUE_WIDTH + 8, middle + 4, rate.median.toFixed(2), 'start'),
    ].join('\n');
  });
  const marks = [target, 1].map((value) => {
    const x = round(scale(value));
    const dashes = value === 1 ? '' : ' stroke-dasharray="4 4"';
    return [
      `<path d="M${x} ${TOP - 8}V${height - 30}" stroke="#444"${dashes}/>`,
      text(x, TOP - 14, String(value), 'middle'),
    ].join('\n');
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">`,
    '<title>How fast the server is, as a multiple of what it is compared with</title>',
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    text(
      12,
      22,
      'Requests a second as a multiple of the base, measured in turns. Bar: median. Red: worst to best round.',
      'start',
    ),
    ...rows,
    ...marks,
    text(
      12,
      height - 10,
      `${machine.processor}, ${machine.processors} processors, Node ${machine.node}, ${machine.date}`,
      'start',
    ),
    '</svg>\n',
  ].join('\n');
}

function text(x: number, y: number, content: string, anchor: 'start' | 'middle' | 'end'): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}" fill="#222">${escaped}</text>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
