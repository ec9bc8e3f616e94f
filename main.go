// Fettle keeps the software of many computers in good order: console, management
// server and agent in one program.
package main

import (
	"os"

	_ "fettle/ui/background" // goes before Bubble Tea: see there
	"fettle/ui/command"
)

func main() { os.Exit(command.Main()) }
