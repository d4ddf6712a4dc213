// The digest interface. Pure code is handed one; `node/` supplies SHA-256 from the platform.

/** Makes a lower-case hex SHA-256 of bytes. */
export type Sha256 = (bytes: Uint8Array) => string;
