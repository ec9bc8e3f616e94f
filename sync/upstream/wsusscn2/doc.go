// Package wsusscn2 reads Microsoft's offline scan catalogue, wsusscn2.cab: a
// cabinet of cabinets that holds the descriptions of some 137,000 revisions
// (offline-catalogues A). An operator carries it in as a file.
//
// # The format
//
// package.xml, in package.cab, is the graph: every revision with its identity, a
// number called RevisionId, and what supersedes, bundles and categorises it.
// There is no title, no KB number and no severity in it. Those are in the
// fragments, in 74 detail cabinets: core (c/), extended (x/), one per language
// (l/) and licence terms (e/), each file named by the RevisionId. index.xml says
// which cabinet holds which RevisionIds.
//
// A RevisionId means something within one edition only: the next edition may
// number anew. It joins the parts of an edition here and never leaves this
// package; what is stored is known by identifier and revision number.
//
// # An import
//
// Synchronize goes through these phases and brings what it finds into a
// Generation, which comes into force at the end or not at all:
//
//  1. the signature over the whole file is checked;
//  2. the edition (PackageId and CreationDate) is compared with the anchor: the
//     same one again is nothing to do, an older one is refused;
//  3. package.xml is streamed into tables without pointers (catalogue);
//  4. the detail cabinets are read in parallel, each once and in its stored
//     order. A cabinet may hold all core fragments first and all extended ones
//     last, so the pieces of a revision wait for each other, compressed when
//     there is not room enough. When the last has come, the document goes to the
//     Generation and a summary of what it says stays here (shelf). The component
//     manifests among the rules of large core fragments are kept and not parsed;
//  5. categories, then everything an administrator decides about, is put
//     together from the summaries (join) and sent.
//
// The first four read nothing that was stored. Revisions that the store holds
// already are not sent again. A fragment that cannot be read fails its own
// revision and is reported; more than one in a hundred fail the run, as does
// content that cannot be what it claims to be (upstream.ImplausibleError).
//
// # Memory and goroutines
//
// Nothing is unpacked to disk, and what is held does not grow with the 25 GB
// that a real edition unpacks to: tables and summaries (about 100 MB), and for
// each worker a decoder, the waiting pieces of one cabinet and one batch.
// Synchronize starts one worker per core, later one goroutine that puts updates
// together, and ends when they have. All else, and every call of the sink, of the
// progress and of what a Generation allows from one goroutine only, is made in the
// caller's.
package wsusscn2
