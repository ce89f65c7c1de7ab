// The part of @mediabunny/server that is used. The package is installed on first use, so the type checker cannot read it.
declare module '@mediabunny/server' {
  export function registerMediabunnyServer(): void;
}
