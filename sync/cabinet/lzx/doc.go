// Package lzx is the LZX compression of cabinets, both ways, in plain Go
// (offline-catalogues B.2, B.3). The variants of WIM files and of delta patches
// are not covered.
//
// A stream is cut into frames of 32 KiB; a cabinet keeps each in a block of its
// own. The window, the last three distances and the code lengths live on from
// frame to frame, so frames are decoded in their order. Blocks, each with its
// own codes, are as long as the encoder likes and independent of frames; they
// are verbatim (codes for literals, lengths and distances), aligned (the low
// three bits of distances have a code too) or uncompressed.
//
// # Decoder
//
// A Decoder holds the window, twice over, so that neither copies nor output ever
// wrap: 4 MiB when the stream is that long. It allocates nothing else after New,
// believes no length that it is given, and refuses what other decoders do not
// read either: incomplete codes, distances before the beginning, matches across the
// end of a frame or block. What it cannot notice is damage that is good LZX: the
// checksum of the cabinet's block is for that.
//
// # Encoder
//
// An Encoder finds matches with hash chains and one byte of looking ahead,
// prefers the last three distances, measures each kind of block and writes the
// smallest. It is deterministic. Settings choose the effort, the kind of blocks
// (for fixtures), and whether calls of x86 machine code are translated, which
// helps programs and costs text nothing but must be said in the first bit.
//
// Neither is safe for concurrent use; neither starts goroutines.
package lzx
