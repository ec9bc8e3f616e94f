// Package model holds the words and the rules of Fettle: what an update, a
// computer, a group, an approval and a deployment are, which approval wins,
// when an approved update is installed, and how a Debian archive becomes
// updates.
//
// The package is pure. It does no input or output, starts no goroutines and
// reads no clock: the time is always a parameter. Values are safe for
// concurrent reading; nothing here locks.
//
// The `cbor` tags are the storage schema: a field keeps its number for ever,
// and a number that was used once is not used again. The rules are written
// down in docs/rules.md, the vocabulary in the glossary (Glossary).
package model
