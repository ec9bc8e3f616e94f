package wsusscn2

import (
	"errors"
	"reflect"
	"testing"

	"fettle/model"
)

// same compares what is in force in two stores.
func same(t *testing.T, a, b *store) {
	t.Helper()
	if len(a.updates) != len(b.updates) || len(a.documents) != len(b.documents) || !reflect.DeepEqual(a.categories, b.categories) {
		t.Errorf("%d and %d updates, %d and %d documents, %d and %d categories", len(a.updates), len(b.updates), len(a.documents), len(b.documents), len(a.categories), len(b.categories))
	}
	for id, u := range a.updates {
		if !reflect.DeepEqual(u, b.updates[id]) {
			t.Errorf("%s differs:\n%+v\n%+v", id, u, b.updates[id])
		}
	}
	for key, d := range a.documents {
		if !reflect.DeepEqual(d, b.documents[key]) {
			t.Errorf("the document of %s differs", key.ID)
		}
	}
}

// refused says whether an error is a refusal of this code.
func refused(err error, code string) bool {
	var r *model.Refusal
	return errors.As(err, &r) && r.Code == code
}
