// Package console is the full-screen console (design 8).
//
// # Structure
//
// Console is the only Bubble Tea model. It owns the size, the stack of panes,
// the line where texts are asked for, the status line and the background; panes
// are plain values behind one small interface (pane.go) that draw themselves and
// act on actions. A screen is a pane at the bottom of the stack; details, menus,
// questions and wizards are pushed on it, and Esc pops one step. Keys are data
// (package keys): a pane never sees a key, only the action that it stands for,
// unless it holds a text field.
//
// # Nothing waits, nothing blocks
//
// Update and View do no I/O and stay far below a millisecond. What must be read
// or computed runs as a command through a request (request.go), on one snapshot
// of the store, and answers with a function that is applied to the pane; the
// answer of an older request is dropped, so that a slow filter cannot overwrite
// a newer one. Every pane shows one snapshot until its next answer is there.
//
// # Live, but quiet
//
// One command at a time waits for the store's change feed and the engine's; it
// answers at most five times a second, and after it the visible panes ask again.
// Cursor, marks and scroll position follow identities. While rows are marked
// their order is frozen. There is no timer when nothing is shown as an age: an
// idle console uses no processor time, and an unchanged frame sends no bytes.
//
// # Terminals
//
// Frames have exactly the terminal's lines, none wider than it. Everything is
// readable without colour, in ASCII, at 60x15. Text from outside goes through
// model.Clean before it is drawn.
package console
