// Package publisher stands in for the publisher of Microsoft's updates: from
// plain descriptions it writes the full update documents that servers pass on
// (update-metadata 1, 2 and 6), and packages of them in the shape of `wsusutil
// export` (offline-catalogues C). Tests use it, and whoever wants something
// small to import; real updates of Microsoft's are only public as fragments.
//
// # Items
//
// An Item says what one revision of an update, a category or a detectoid is
// about, with the words of package model. What it leaves out is left out of the
// document, or is what most real documents have. An update that consists of
// others holds them (Members, Alternatives): the outer one is what
// administrators approve, with title, KB and severity; the inner ones have files,
// rules and restart behaviour, and inherit class, products and dates. Bundle
// splits a plain item that way. Describe makes an item of a model.Update, such as
// those of a simulated catalogue.
//
// WithCategories adds the documents of the products and classifications that
// items refer to, Documents writes everything in the order in which real exports
// have it (what is referred to comes first), and Package makes a cabinet of it.
// WriteContent lays out the files that such an export is carried along with.
//
// # Bytes
//
// The same items give the same bytes, always: a document is identified by its
// digest. A Style varies what must not matter to a reader, such as prefixes,
// blanks between elements and the case of identifiers: real documents differ in
// all of them. Text may hold whatever Go strings can; what XML cannot express
// becomes U+FFFD, as Sanitize does.
//
// This package does not use package sync/metadata, which reads the documents:
// each is the other's examiner.
//
// # Rows of a real server
//
// OSDSUS reads rows that were exported from a real WSUS through its API (project
// OSDeploy/OSDSUS, MIT licence), and Items makes items of them, so that lists and
// details can be judged by titles, sizes and products that are not invented.
// What the rows do not tell is made up and said at Items.
//
// # Concurrency
//
// Everything is a function of its arguments, starts nothing and looks at no
// clock. Functions do not change the items that they are given.
package publisher
