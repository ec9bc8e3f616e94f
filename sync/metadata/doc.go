// Package metadata reads Microsoft's descriptions of updates: whole documents,
// as servers and exports pass them on (MS-WSUSSS), and the fragments that
// managed computers and offline catalogues get (MS-WUSP). It derives the second
// from the first, byte for byte, and composes what administrators see.
//
// # Documents
//
// Parse streams a document of any size and keeps what Fettle knows of it in an
// Update. Elements are known by their namespace and never by their prefix, for
// prefixes differ from document to document (update-metadata 1). ParseFragments
// makes the same Update from fragments, which have neither a root nor
// namespaces; what a fragment does not say is left zero. Text is trimmed and
// cleaned, because it is shown; whoever needs the bytes derives fragments.
//
// # Fragments
//
// Derive, DeriveCore and their like apply the rules of update-metadata 3. A
// fragment consists of the document's own bytes: attributes in their order,
// escapes as they were written; only names, namespace declarations and what the
// rules drop change. A server that answers with other bytes than another one
// would have its clients see a changed update.
//
// # Composition
//
// An administrator approves the deployable update. What it says about itself is
// little: its members say whether it restarts, which files it has and how large
// they are. Compose gathers all that, as the store and the console know it.
//
// # Use
//
// Nothing here does I/O of its own, starts goroutines, looks at a clock or keeps
// state between calls. Everything may be called from several goroutines, except
// that one Parser serves one goroutine at a time; it saves the buffers.
// Documents are hostile until proven otherwise: depth, counts and sizes are
// bounded (Limits), there are no document type definitions and no entities but
// the five and the numeric ones, and whatever comes in, these functions return.
package metadata
