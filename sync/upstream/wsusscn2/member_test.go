package wsusscn2

import (
	"io"
	"testing"

	"fettle/sync/cabinet"
)

// member gives the content of a file of a cabinet.
func member(t testing.TB, c *cabinet.Cabinet, name string) []byte {
	t.Helper()
	in, err := c.Open(c.Find(name))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	b, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
