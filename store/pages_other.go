//go:build !linux

package store

// releasePages does nothing: other systems count mapped files apart.
func releasePages(string) error { return nil }
