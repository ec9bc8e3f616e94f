package applicability

import (
	"encoding/json"
	"testing"
)

var truths = []Truth{No, Unknown, Yes}

// TestTruthTables holds And, Or and Not to Kleene's tables, written out.
func TestTruthTables(t *testing.T) {
	for _, c := range []struct{ a, b, and, or Truth }{
		{No, No, No, No}, {No, Unknown, No, Unknown}, {No, Yes, No, Yes},
		{Unknown, No, No, Unknown}, {Unknown, Unknown, Unknown, Unknown}, {Unknown, Yes, Unknown, Yes},
		{Yes, No, No, Yes}, {Yes, Unknown, Unknown, Yes}, {Yes, Yes, Yes, Yes},
	} {
		if got := c.a.And(c.b); got != c.and {
			t.Errorf("%s and %s = %s, want %s", c.a, c.b, got, c.and)
		}
		if got := c.a.Or(c.b); got != c.or {
			t.Errorf("%s or %s = %s, want %s", c.a, c.b, got, c.or)
		}
		if c.a.And(c.b).Not() != c.a.Not().Or(c.b.Not()) || c.a.Or(c.b).Not() != c.a.Not().And(c.b.Not()) {
			t.Errorf("De Morgan does not hold for %s and %s", c.a, c.b)
		}
	}
	if No.Not() != Yes || Yes.Not() != No || Unknown.Not() != Unknown {
		t.Error("not turns something else round")
	}
}

// TestTruthAsText writes and reads the words, in JSON too.
func TestTruthAsText(t *testing.T) {
	for _, u := range truths {
		b, err := json.Marshal(u)
		if err != nil {
			t.Fatal(err)
		}
		var back Truth
		if err := json.Unmarshal(b, &back); err != nil || back != u {
			t.Errorf("%s came back as %v, %v", b, back, err)
		}
	}
	var u Truth
	if err := json.Unmarshal([]byte("true"), &u); err != nil || u != Yes {
		t.Errorf("true was read as %v, %v", u, err)
	}
	if err := json.Unmarshal([]byte(`"perhaps"`), &u); err == nil {
		t.Error("perhaps was accepted")
	}
}
