// Package archive turns the files of a Debian archive into updates: a Release
// file says what the archive is and which lists belong to it, a Packages file
// lists binary packages, a Catalogue maps them to updates as design 6 says. How
// the files are obtained is another package's business: they may be apt's own
// lists, or fetched, or carried in.
//
// # Mapping
//
// One Catalogue holds one release of one archive, (Origin, codename). The suites
// of a release ("bookworm", "bookworm-security", "bookworm-updates") are merged:
// the same source package in the same version is one update, whichever suites
// offer it, and they are its attribute. Binary packages of one source version are
// the update's packages; a rebuild ("+b1") names its source version and joins it.
//
// An update is a security update when a suite that brings security updates offers
// it (offline-catalogues E.2). That rule also wants a later version, which
// swallowed the fix, to count for a computer that skipped it; this depends on the
// computer, so an update here has the class of its own suites only.
//
// Released is the Date of the oldest suite file that offers the update. It only
// bounds the release (NotLater), and moves with every new Release file: whoever
// stores updates keeps the earliest value that was seen.
//
// Supersedes stays empty. Which version supersedes which depends on versions
// that have left the archive too, and those only the store knows.
//
// # Trust
//
// This package checks no signatures: apt verified the files among its lists when
// it fetched them, and files from elsewhere must be verified before they are
// parsed. Read compares a list with the size and SHA-256 that the Release file
// gives. All the same, every value is treated as hostile: names, versions and
// paths outside Debian's grammar are refused one by one (Failures), text is
// cleaned and bounded.
//
// A Catalogue belongs to one goroutine.
package archive
