// Package inspection looks behind what administrators see. An update of
// Microsoft's catalogue is a bundle of members with files and rules, its
// prerequisites are detectoids and categories; all of these are documents that
// the store keeps, and none but the first is a row of the catalogue.
//
// Of reads one thing with what it refers to by name, one level deep: whoever
// wants to know about a member asks again. Applies answers whether an update
// would be installed on a computer that somebody described: its own rules, those
// of its prerequisites and of its members, in three-valued logic.
//
// Everything is read from the store when it is asked for, and nothing is kept:
// an answer is as good as the documents were at that moment. Documents that are
// missing or cannot be read are said to be, and never guessed at. The functions
// read from the disk, and may be called from several goroutines.
package inspection
