// One attempt to read the window: where in time and space the grid lies, and whether it decodes there.
import { type Place, searchCuts } from './cuts.ts';
import { wholePicture } from './geometry.ts';
import { gridOf, neighborGridOf } from './grid.ts';
import type { Pause } from './pause.ts';
import type { ReaderKey } from './readerKey.ts';
import { climbOnPilots, climbOnTemplate, PILOT_STEPS, SECOND_LOOK_STEPS } from './refine.ts';
import { type Folded, fold, SYNC_SEGMENTS, templateScore } from './score.ts';
import { decode, type Found, measure } from './soft.ts';
import { TEMPLATE_PLANES } from './template.ts';
import { CellTrack, featuresOf } from './track.ts';
import { SLICES_PER_SECOND, segmentStarts, type ThumbWindow } from './window.ts';

/** Template scores from which a place in time, or one of a cut picture, is attempted. */
const LEAST_TIME_SCORE = 4.5;
const LEAST_CUT_SCORE = 5.2;

/** Template score that proves a mark, even if nothing can be decoded. */
const CERTAIN_SCORE = 6;

const MOST_TIMES = 3;
const MOST_CUTS = 4;

/** Starts of the segments around a place, in slices. */
const FINE_OFFSETS = [-0.6, -0.4, -0.2, 0.2, 0.4, 0.6];

/** A segment of which at least this part is in the window is used, in slices. */
const HALF_SEGMENT = 5;

/** Picture levels that a wrong range conversion leads to. */
const GAINS = [1, 255 / 219, 219 / 255];

/** A payload and the number of its key. */
export interface FoundWithKey extends Found {
  readonly keyIndex: number;
}

/** A place with the pilot score that it was left with. */
interface Refined {
  readonly place: Place;
  readonly score: number;
}

export interface SearchOptions {
  readonly keys: readonly ReaderKey[];
  /** Active rectangle as displayed. */
  readonly display: { readonly width: number; readonly height: number };
  readonly isDeep: boolean;
  readonly pause: Pause;
}

/** The first start of a segment in slices, −4 … 5, if segments begin at `phase` + 10·n. */
function firstStart(phase: number): number {
  return phase <= 5 ? phase : phase - SLICES_PER_SECOND;
}

/** Moves a place by whole segments, from slices of the clip to those of a window. */
function startingIn<Type extends { start: number; shift: number }>(dropped: number, place: Type): Type {
  const segments = Math.ceil((dropped - place.start - HALF_SEGMENT) / SLICES_PER_SECOND);
  const start = place.start - dropped + segments * SLICES_PER_SECOND;
  const shift = (((place.shift + segments) % TEMPLATE_PLANES) + TEMPLATE_PLANES) % TEMPLATE_PLANES;
  return { ...place, start, shift };
}

/** Reads a window that grows: keeps the cell means of the whole picture and what earlier attempts found. */
export class Search {
  readonly #window: ThumbWindow;
  readonly #options: SearchOptions;
  /** The grid of the picture, and the one that a scaled clip may have had. */
  readonly #tracks: readonly CellTrack[];
  #isMarked = false;
  #refined: Refined | undefined;

  constructor(window: ThumbWindow, options: SearchOptions) {
    const { width, height } = options.display;
    this.#window = window;
    this.#options = options;
    this.#tracks = [gridOf(width, height), neighborGridOf(width, height)].flatMap((grid) =>
      grid === undefined ? [] : [new CellTrack(window, wholePicture(window.layout, grid))],
    );
  }

  /** True if a template was found for certain. */
  get isMarked(): boolean {
    return this.#isMarked;
  }

  /** The refined place with the best pilots that did not decode, with its start in slices of the clip. */
  get bestRefined(): Place | undefined {
    return this.#refined?.place;
  }

  /**
   * Attempts the whole picture, uncut or cut in time.
   *
   * @param isLast refines a mark that does not decode; otherwise only when it is first seen, because that takes a second
   */
  async wholePicture(isLast: boolean): Promise<FoundWithKey | undefined> {
    for (const track of this.#tracks) await track.update(this.#options.pause);
    return (await this.#plain()) ?? (await this.#cutInTime(isLast));
  }

  /** Attempts pictures that were cut at the sides. */
  async cutPictures(): Promise<FoundWithKey | undefined> {
    const { keys, display, isDeep, pause } = this.#options;
    const places = await searchCuts(this.#window, keys, display, isDeep, pause);
    for (const place of places.filter(({ z }) => z >= LEAST_CUT_SCORE).slice(0, MOST_CUTS)) {
      const found = await this.#refine(place);
      if (found) return found;
    }
    return undefined;
  }

  /**
   * Attempts the place of an earlier search in a window of which the picture is exactly that place's grid.
   *
   * @param earlier with its start in slices of the clip
   */
  async secondLook(earlier: Place): Promise<FoundWithKey | undefined> {
    const { pause } = this.#options;
    const { layout, dropped } = this.#window;
    const place = startingIn(dropped, { ...earlier, geometry: wholePicture(layout, earlier.geometry.grid) });
    const found = await this.#attemptNear(place);
    if (found) return found;
    const climbed = await climbOnPilots(this.#window, place, SECOND_LOOK_STEPS, pause);
    return this.#attemptNear(climbed.place);
  }

  /** The clip as it was marked: a segment begins with the first frame. */
  async #plain(): Promise<FoundWithKey | undefined> {
    const { start, shift } = startingIn(this.#window.dropped, { start: 0, shift: 0 });
    for (const track of this.#tracks)
      for (const key of this.#options.keys) {
        const found = await this.#attempt(track, { key, geometry: track.geometry, start, shift, z: 0 });
        if (found) return found;
      }
    return undefined;
  }

  async #cutInTime(isLast: boolean): Promise<FoundWithKey | undefined> {
    const scored: { track: CellTrack; place: Place }[] = [];
    for (const track of this.#tracks)
      for (const place of await this.#times(track, this.#options.keys)) scored.push({ track, place });
    scored.sort((a, b) => b.place.z - a.place.z);
    for (const { track, place } of scored.slice(0, MOST_TIMES)) {
      if (place.z < LEAST_TIME_SCORE) return undefined;
      const found =
        (await this.#attempt(track, place)) ?? (place.z > CERTAIN_SCORE ? await this.#fine(track, place) : undefined);
      if (found) return found;
    }
    const best = scored[0]?.place;
    if (best === undefined || best.z <= CERTAIN_SCORE) return undefined;
    const isKnown = this.#isMarked;
    this.#isMarked = true;
    return isLast || !isKnown ? this.#refine(best) : undefined;
  }

  /** Places of all phases and shifts with their template scores. */
  async #times(track: CellTrack, keys: readonly ReaderKey[]): Promise<Place[]> {
    const { geometry } = track;
    const places: Place[] = [];
    for (let phase = 0; phase < SLICES_PER_SECOND; phase++) {
      await this.#options.pause();
      const start = firstStart(phase);
      const skipped = Math.max(0, segmentStarts(start, this.#window.slices.length).length - SYNC_SEGMENTS);
      const cells = track.segments(start, skipped);
      const folded: Folded = fold(
        cells.map(({ luma }) => luma),
        geometry.grid,
      );
      for (const key of keys)
        for (let shift = 0; shift < TEMPLATE_PLANES; shift++)
          places.push({ key, geometry, start, shift, z: templateScore(folded, key, shift + skipped) });
    }
    return places;
  }

  async #attempt(track: CellTrack, { key, geometry, start, shift }: Place): Promise<FoundWithKey | undefined> {
    const features = featuresOf(geometry.grid, track.segments(start));
    for (const gain of this.#options.isDeep ? GAINS : GAINS.slice(0, 1)) {
      await this.#options.pause();
      const found = decode(features, key, measure(features, key, shift, gain), this.#options.isDeep);
      if (found) return { ...found, keyIndex: this.#options.keys.indexOf(key) };
    }
    return undefined;
  }

  /** Attempts the best of several starts close to a place. */
  async #fine(track: CellTrack, place: Place): Promise<FoundWithKey | undefined> {
    let best = { start: place.start, score: Number.NEGATIVE_INFINITY };
    for (const offset of FINE_OFFSETS) {
      await this.#options.pause();
      const start = place.start + offset;
      const features = featuresOf(place.geometry.grid, track.segments(start));
      const { score } = measure(features, place.key, place.shift)[0]!;
      if (score > best.score) best = { start, score };
    }
    return this.#attempt(track, { ...place, start: best.start });
  }

  async #attemptNear(place: Place): Promise<FoundWithKey | undefined> {
    const track = new CellTrack(this.#window, place.geometry);
    await track.update(this.#options.pause);
    return (await this.#attempt(track, place)) ?? this.#fine(track, place);
  }

  /** Refines space, then time, then space again with the pilots; attempts the result. */
  async #refine(place: Place): Promise<FoundWithKey | undefined> {
    const { pause } = this.#options;
    const onTemplate = await climbOnTemplate(this.#window, place, pause);
    const timed = await this.#bestTime(onTemplate);
    // Scores of half cells are higher by chance, because neighbors are alike, above all in clips marked with other keys.
    if (timed.z > CERTAIN_SCORE) this.#isMarked = true;
    if (timed.z < LEAST_CUT_SCORE) return undefined;
    const { place: refined, score } = await climbOnPilots(this.#window, timed, PILOT_STEPS, pause);
    const found = await this.#attemptNear(refined);
    if (!found && score > (this.#refined?.score ?? 0))
      this.#refined = { place: { ...refined, start: refined.start + this.#window.dropped }, score };
    return found;
  }

  /** The best time for a grid position that was found at one of few phases. */
  async #bestTime(place: Place): Promise<Place> {
    const track = new CellTrack(this.#window, place.geometry);
    await track.update(this.#options.pause);
    const places = await this.#times(track, [place.key]);
    return places.reduce((best, next) => (next.z > best.z ? next : best), place);
  }
}
