// Package plain is the console without a screen: `fettle --plain`, for screen
// readers, for Braille lines, for terminals that can do nothing but write (TERM=dumb)
// and for lines so slow that a screen is a burden (terminal.md section 1). No
// anchor has one; what its users say is that borders are read aloud, that repaints
// interrupt and that the cursor cannot be found. So here nothing is drawn.
//
// # What is written
//
// One line after another, from top to bottom, never anything twice. No escape
// sequence, no carriage return, no backspace and no bell is ever written: all
// output goes through one writer (speech), which also wraps at the width of a
// terminal and leaves lines whole in a pipe. Characters that the locale does not
// have are written in ASCII.
//
// # A prompt
//
// It greets with the Overview in sentences and then waits behind "> ". A line is
// a word and what belongs to it: a word of the console (updates, mark, approve),
// a number, which opens what was read out with that number, or any command line
// of Fettle's, with or without "fettle" before it. The rules are those of the
// commands: lists, details, plans and changes are made by running the very command
// (Options.Run), so that nothing is built twice and every refusal has the same
// words. Only what a command line does not have is here: pages and numbers, marks,
// questions, the way back. A list stays as it was read out until it is read anew,
// so that a number means what was heard; details are always fresh.
//
// Editing the line is left to the terminal's own canonical mode, which screen
// readers know.
//
// # Changes
//
// A change is planned, its plan is written as text, and then the word yes must be
// written out; no is the default. What was typed before the question was on the
// screen does not answer it: at a terminal, lines that had come until then, and
// within graceQuiet after, are dropped, and the question says so and is asked
// again.
//
// # What happens meanwhile
//
// Nothing is written while somebody thinks or types. What agents and
// synchronizations reported is told in a few lines before the next prompt, not more
// often than every eventGap, and at once on an empty line (Enter): failures that
// are new, synchronizations and other jobs that ended, deadlines that passed,
// changes that wait for consent. `set live off` turns that off.
//
// # Without a terminal
//
// When the input is no terminal it is a script: there is no greeting and no
// prompt, lists come whole, questions and errors go to standard error, nothing is
// told that was not asked for, and what takes long is waited for. The first line
// that fails ends the session with its exit status, and nothing after it is done:
// a filter with a slip must not be followed by the approval of what it did not
// find. `set prompt on` says that a person is there after all.
//
// # Ownership
//
// Run owns the console; one goroutine of its own reads the input, which cannot be
// interrupted and ends with the process or the session. Everything else happens in
// the goroutine that called Run. Reading is on one snapshot at a time.
package plain
