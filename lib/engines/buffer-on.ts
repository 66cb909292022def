/** The same memory, with what buffers can do. */
export const bufferOn = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
