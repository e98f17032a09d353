// For a project that imports the module by its address at the gateway: "types": ["stagedoor/auth-client"] in tsconfig.json, or
// `/// <reference types="stagedoor/auth-client" />`.

declare module '*/auth/client.js' {
  export * from 'stagedoor';
}
