// Package markup scans XML and keeps its bytes.
//
// A Scanner gives one token after another: where it stands in the input, its
// bytes as they were written, and what they mean: names with their namespaces,
// attributes and text with escapes decoded. Whoever copies the bytes copies the
// document; whoever reads the meaning reads the document. encoding/xml gives
// only the second, and slowly.
//
// The scanner is strict. It accepts nothing that encoding/xml refuses, and sees
// the same tokens in what it accepts; it refuses more: document type
// definitions, entities other than the five and the numeric ones, undeclared
// prefixes, attributes that repeat or touch each other, names that are not
// ASCII, encodings other than UTF-8. Nothing of the kind occurs in what vendors
// publish about updates, and each has been a way into somebody's parser.
//
// Memory is bounded by Limits whatever comes in: the buffer holds one token at a
// time, and text longer than a limit comes in several tokens. A token's parts
// are valid until the next call of Next. A Scanner serves one goroutine, and
// Reset uses it and its buffers again.
package markup
