// Package offline writes offline scan catalogues that have the shape of
// Microsoft's wsusscn2.cab, its real numbers if asked (offline-catalogues A):
// 137,000 revisions in 74 detail cabinets, of which some 25,000 are bundles, the
// updates that an administrator sees, and most others their members. Nothing is
// copied from a real catalogue but the classifications' names and identifiers;
// everything else is invented but plausible.
//
// # What is like the real one
//
//   - the outer cabinet is stored, those within are LZX with a window of 2 MiB;
//   - package.xml is one line in the real namespace, and has no KB number, title
//     or severity in it;
//   - RevisionIds number each edition anew and say nothing about dates;
//   - core and extended fragments and texts have the real median sizes; some
//     members carry large component manifests, which make most of the bytes;
//   - a line of updates supersedes month by month: "superseded by" in package.xml
//     names the next 17, the core fragment the last 84, and each source lacks a
//     few edges that the other has. Some edges point outside the catalogue.
//
// # Editions
//
// The second edition is the first one and some new updates with their members,
// many of which supersede older ones. Documents of the first are the same to the
// byte in the second, though their RevisionIds, cabinets and the edges that lead
// from them are not.
//
// # Use
//
// The same options write the same bytes. All chance comes from the seed, through
// a generator of its own for each thing, so that a document does not depend on
// how many others there are, except for the sizes of manifests: they are cut so
// that the first edition unpacks to Options.Unpacked.
//
// Write packs the detail cabinets in parallel, one per core, and holds those
// that are packed until their turn to be written comes. The goroutines that it
// starts have ended when it returns. It reads no clock.
package offline
