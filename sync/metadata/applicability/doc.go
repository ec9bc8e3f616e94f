// Package applicability reads the applicability rules of Microsoft's update
// metadata, says in plain English what they ask for, and evaluates them against
// a computer that somebody described.
//
// # What rules are
//
// An update carries up to three expressions: IsInstalled, IsSuperseded and
// IsInstallable. An update that is not installed and is installable is needed.
// An expression is a tree of And, Or and Not over some sixty operators: the
// version of Windows, registry values, versions of files, products of Windows
// Installer, packages of component based servicing and so on (update-metadata 4
// and the schemas that Microsoft prints). Beside them may stand metadata, the
// manifest of a package for instance, that operators without attributes refer
// to; of it only what names the package is kept, because manifests are most of
// the catalogue's 25 GB (offline-catalogues A).
//
// A server never needs this for its clients, which evaluate for themselves. It
// is for people, who want to know what an update looks for ("Windows build at
// least 10.0.26100, x64, and ..."), for simulated computers, and for the
// question whether an update would apply to a computer of a certain kind.
//
// # Reading
//
// Parse accepts the namespaced form of documents, where prefixes mean nothing
// and namespaces everything, and the folded form of fragments (b.RegDword,
// m.MsiProductInstalled, d.WindowsDriverInstalled, And). Depth and the number of
// rules are bounded; document types are refused. An operator, an attribute or a
// value that this package does not know is kept, printed as it was written,
// listed by Rules.Unknown, and evaluates to Unknown.
//
// # Three values
//
// A Truth is No, Unknown or Yes, and And, Or and Not are Kleene's: And is the
// least of its parts, Or the greatest, Not turns round. So more knowledge about
// a computer turns Unknown into Yes or No and never Yes into No; a property test
// holds the evaluation to it.
//
// # Described computers
//
// A Computer is a description, from a TOML or JSON file or made by a program.
// It is what is known, not what exists: whatever it does not state is Unknown. A
// part that carries complete = true (the registry, one of its keys, files,
// products, packages ...) states everything there is, so that what is missing
// there is known to be absent; single things can be declared absent. Nothing is
// guessed except what follows from other statements by rules that Computer
// documents, such as the places of the Windows folders.
//
// # Semantics
//
// Comparisons follow the schemas' own words where they have some. Strings,
// paths, keys and GUIDs are compared without regard to case. A missing key,
// value, file or product makes a test on it No, as does a registry value of
// another type; Unknown is left for what is not known. WindowsVersion compares
// as VerifyVersionInfo does: major, minor and service pack in sequence, the
// build number for itself, the product type always for equality. WindowsLanguage
// is No where the Multilingual User Interface is installed. RegSzToVersion counts
// missing parts of a version as 0. RegType32 reads what a 32-bit program would
// see.
//
// # Ownership
//
// Rules and the Rule values in them are immutable after Parse, and a Computer is
// once it was evaluated against; all may then be used by several goroutines at
// once. The package starts none, and does no input or output.
package applicability
