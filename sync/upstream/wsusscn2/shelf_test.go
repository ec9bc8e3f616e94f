package wsusscn2

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"fettle/model"
	"fettle/sync/metadata"

	"pgregory.net/rapid"
)

// filled makes a value with something in every field, however deep.
func filled(v reflect.Value, n *int) {
	*n++
	switch {
	case v.Type() == typeTime:
		v.Set(reflect.ValueOf(time.Unix(int64(*n), int64(*n)).UTC()))
		return
	case v.Type() == typeUpdate:
		v.SetString(id(*n))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprint("text ", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(-int64(*n%100) - 1)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(*n%200) + 1)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		filled(v.Elem(), n)
	case reflect.Array:
		for i := range v.Len() {
			filled(v.Index(i), n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 3, 3))
		for i := range v.Len() {
			filled(v.Index(i), n)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			filled(v.Field(i), n)
		}
	default:
		panic(v.Type().String())
	}
}

// dropped is what a shelf does not keep: see put.
func dropped(u metadata.Update) metadata.Update {
	u.Rules, u.Drivers, u.Written = nil, nil, ""
	return u
}

// TestShelf keeps a document that says everything. A field that the package
// metadata gains and that no shelf can hold fails here.
func TestShelf(t *testing.T) {
	if n := reflect.TypeFor[metadata.Update]().NumField(); n > 64 {
		t.Fatalf("a document has %d fields, and the form has bits for 64", n)
	}
	var u metadata.Update
	n := 0
	filled(reflect.ValueOf(&u).Elem(), &n)
	s := newShelf()
	var places []place
	for range 3 { // the second time its strings are known
		p, err := s.put(&u)
		if err != nil {
			t.Fatal(err)
		}
		places = append(places, p)
	}
	for _, p := range places {
		got, err := s.take(p)
		if err != nil {
			t.Fatal(err)
		}
		if want := dropped(u); !reflect.DeepEqual(*got, want) {
			t.Errorf("got\n%+v\nwant\n%+v", *got, want)
		}
	}
	if one, two := places[1].offset-places[0].offset, places[2].offset-places[1].offset; two >= one {
		t.Errorf("the first takes %d bytes, the second %d", one, two)
	}
}

// TestShelfOfMany fills several chunks and takes everything back.
func TestShelfOfMany(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOfN(rapid.OneOf(rapid.Just(id(1)), rapid.StringN(0, 40, 80)), 0, 5)
		text := rapid.OneOf(rapid.SampledFrom([]string{"", "en", "de"}), rapid.StringN(0, 300, 900))
		updates := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) metadata.Update {
			u := metadata.Update{Deployable: rapid.Bool().Draw(t, "deployable"), Severity: model.Severity(rapid.IntRange(0, 4).Draw(t, "severity")),
				DefaultLanguage: text.Draw(t, "language"), MaxDownload: rapid.Int64().Draw(t, "size")}
			u.ID, u.Revision = model.UpdateID(rapid.StringN(0, 40, 80).Draw(t, "id")), rapid.Uint32().Draw(t, "revision")
			for _, id := range ids.Draw(t, "supersedes") {
				u.Supersedes = append(u.Supersedes, model.UpdateID(id))
			}
			if rapid.Bool().Draw(t, "installs") {
				u.Installation = &metadata.Behavior{Restart: model.RestartMay, Impact: text.Draw(t, "impact")}
			}
			for range rapid.IntRange(0, 3).Draw(t, "texts") {
				u.Texts = append(u.Texts, metadata.Text{Language: text.Draw(t, "of"), Title: text.Draw(t, "title"), Description: string(make([]byte, rapid.IntRange(0, 400_000).Draw(t, "long")))})
			}
			return u
		}), 1, 8).Draw(t, "updates")
		s := newShelf()
		var places []place
		for i := range updates {
			p, err := s.put(&updates[i])
			if err != nil {
				t.Fatal(err)
			}
			places = append(places, p)
		}
		for i, p := range places {
			got, err := s.take(p)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(*got, updates[i]) {
				t.Fatalf("got\n%+v\nwant\n%+v", *got, updates[i])
			}
		}
	})
}
