package model

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"
)

// TestChangeKindsAreAll holds the list to the constants: what the journal can
// hold must be what it can be asked for.
func TestChangeKindsAreAll(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "change.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var want []ChangeKind
	ast.Inspect(f, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if id, ok := v.Type.(*ast.Ident); ok && id.Name == "ChangeKind" {
			s, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, ChangeKind(s))
		}
		return true
	})
	if got := ChangeKinds(); len(want) < 30 || !slices.Equal(got, want) {
		t.Errorf("ChangeKinds gives %q, the constants are %q", got, want)
	}
}
