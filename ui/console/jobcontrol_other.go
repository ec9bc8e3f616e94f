//go:build !unix

package console

// jobControl is a matter of Unix shells.
func jobControl() bool { return false }
