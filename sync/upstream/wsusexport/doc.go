// Package wsusexport reads and writes the packages of `wsusutil export`: all
// update metadata of a WSUS server, carried on a medium (offline-catalogues C,
// wsusss 9.1). A package holds neither approvals nor computers nor content.
//
// # What a package is
//
// A cabinet with two files. package.xml says which server made it and when,
// which revisions it holds and where the vendor has their payload files.
// metadata.txt holds one whole document per revision, in records
//
//	<GUID>,<revision, 8 hex digits>,<length, 8 hex digits>,<document>CR LF
//
// whose length counts UTF-16 units and whose documents hold line breaks of their
// own. Newer servers also write .xml.gz, of which no description and no sample
// is public: what is inside is therefore told by its first bytes (Sniff), read
// where it makes sense, and otherwise refused with the request for a cabinet.
// Nothing in a package is signed, so Options must allow unsigned ones.
//
// # How one is imported
//
// First the manifest: it names the edition and the newest revision of everything.
// An edition is a server and a time. One that was imported already changes
// nothing; one that is older than what came from its server is refused, unless
// it is forced. Then the documents, as a stream: one goroutine unpacks and cuts
// them into batches, some parse and hand them to the generation, and the caller's
// goroutine puts the results back into their order and composes updates. An
// update is composed from the newest revision as soon as everything that it
// names has been seen, which is at once in packages as WSUS writes them,
// prerequisites and members before what needs them. What had to wait is composed
// in a second pass over the package: so the memory of an import does not depend
// on the order of the records. What is remembered of a document is a few hundred
// bytes, and only of those that can be members of a bundle.
//
// All revisions are kept, for bundles name exact ones. Where a revision is kept
// already with other bytes (editions are known that differ in line endings), the
// document with the smaller SHA-256 stays: a rule that gives the same catalogue
// whichever edition comes first. An update of a package is not withdrawn because
// a later package lacks it; servers clean up.
//
// A document that cannot be read is reported and left out. A package is refused
// as a whole when it is cut off, when more than one document in a hundred cannot
// be read, or when manifest and documents do not belong together.
//
// # How one is written
//
// Export writes the whole documents of a store, with the layout, order and
// compression of WSUS itself. It reads them twice: once for what depends on
// what, once to write. Revisions that are known only as fragments, from an
// offline scan catalogue, cannot be written and are counted.
//
// # Concurrency
//
// A Source holds no state but its options. The io.ReaderAt must allow concurrent
// use, as files do, and belongs to the caller. Goroutines that a method starts
// have ended when it returns.
package wsusexport
