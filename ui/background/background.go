// Package background tells Lip Gloss that the terminal is dark, before Bubble
// Tea can ask the terminal.
//
// Bubble Tea v1 asks for the background colour while it is initialised, and a
// terminal that does not answer (a serial console, a bare pty) stalls every
// command for five seconds (terminal finding 1). Setting the answer first stops
// the question. Go initialises packages whose imports are ready in the order of
// their import paths, and "fettle/ui/background" sorts before
// "github.com/charmbracelet/bubbletea"; so this package must import Lip Gloss
// and nothing else, and main imports it blank. A test over a pty guards the
// order. Themes choose their own colours and never ask.
package background

import "github.com/charmbracelet/lipgloss"

func init() { lipgloss.SetHasDarkBackground(true) }
