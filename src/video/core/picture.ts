// One decoded picture as the core reads and changes it.

/**
 * 8-bit 4:2:0 planes (I420) of the visible rectangle, as stored in the file: rotation and mirroring are not applied.
 *
 * Width and height are those of the luma plane and even; an odd row or column of the file is left out. The chroma planes
 * have half of both. A row starts `strideY` (`strideC`) bytes after the previous one. The planes may be views of one
 * buffer, and a caller may reuse them for the next picture.
 */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly y: Uint8Array;
  readonly u: Uint8Array;
  readonly v: Uint8Array;
  readonly strideY: number;
  readonly strideC: number;
}

/** @returns a black picture whose planes are views of one buffer without gaps */
export function createPicture(width: number, height: number): Picture {
  const strideC = width >> 1;
  const luma = width * height;
  const chroma = strideC * (height >> 1);
  const bytes = new Uint8Array(luma + 2 * chroma);
  bytes.fill(16, 0, luma).fill(128, luma);
  return {
    width,
    height,
    y: bytes.subarray(0, luma),
    u: bytes.subarray(luma, luma + chroma),
    v: bytes.subarray(luma + chroma),
    strideY: width,
    strideC,
  };
}
