package upstream

import (
	"encoding/hex"
	"reflect"
	"strings"
	"testing"
	"time"

	"fettle/model"
)

// sample is an update with every list and part filled.
func sample() *model.Update {
	return &model.Update{
		ID: "deb/Debian/bookworm/curl/7.88.1-10", Title: "curl 7.88.1-10", Products: []model.CategoryID{"deb/Debian/bookworm"},
		KB: []string{"1"}, Bulletins: []string{"b"}, CVEs: []string{"c"}, Languages: []string{"en"}, Links: []string{"l"},
		Supersedes: []model.UpdateID{"x"}, Files: []model.File{{Name: "f", SHA1: []byte{1}, SHA256: []byte{2}}},
		Debian: &model.DebianSource{
			Archive: "Debian", Release: "bookworm", Source: "curl", Version: "7.88.1-10", Suites: []string{"bookworm"}, Section: "web",
			Packages: []model.DebianPackage{{Name: "curl", Arch: "amd64", Version: "7.88.1-10", Size: 315228, SHA256: []byte{3}, Filename: "pool/c"}},
		},
	}
}

// TestDigestCoversEveryField changes each field of an update and of its parts:
// a field that is added to the model and forgotten here fails this test.
func TestDigestCoversEveryField(t *testing.T) {
	ours := map[string]bool{"Number": true, "Revision": true, "Arrived": true, "Released": true, "Upstream": true}
	before := Digest(sample())
	check := func(name string, change func(u *model.Update) reflect.Value, want bool) {
		u := sample()
		alter(t, change(u))
		if changed := Digest(u) != before; changed != want {
			t.Errorf("changing %s: the digest changed: %v, want %v", name, changed, want)
		}
	}
	fields := func(typ reflect.Type, part func(u *model.Update) reflect.Value) {
		for i := range typ.NumField() {
			name := typ.Field(i).Name
			check(typ.Name()+"."+name, func(u *model.Update) reflect.Value { return part(u).Field(i) },
				typ != reflect.TypeFor[model.Update]() || !ours[name])
		}
	}
	fields(reflect.TypeFor[model.Update](), func(u *model.Update) reflect.Value { return reflect.ValueOf(u).Elem() })
	fields(reflect.TypeFor[model.File](), func(u *model.Update) reflect.Value { return reflect.ValueOf(&u.Files[0]).Elem() })
	fields(reflect.TypeFor[model.DebianSource](), func(u *model.Update) reflect.Value { return reflect.ValueOf(u.Debian).Elem() })
	fields(reflect.TypeFor[model.DebianPackage](), func(u *model.Update) reflect.Value { return reflect.ValueOf(&u.Debian.Packages[0]).Elem() })
}

// alter gives v another value of its type.
func alter(t *testing.T, v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(v.String() + "x")
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Uint8, reflect.Uint32:
		v.SetUint(v.Uint() + 1)
	case reflect.Int64:
		v.SetInt(v.Int() + 1)
	case reflect.Slice:
		v.Set(reflect.AppendSlice(v, reflect.MakeSlice(v.Type(), 1, 1)))
	case reflect.Pointer:
		v.SetZero()
	case reflect.Struct:
		v.Set(reflect.ValueOf(time.Unix(1, 0)))
	default:
		t.Fatalf("no way to alter a %s", v.Kind())
	}
}

// TestDigestKeepsFieldsApart: moving a byte from one text to the next is a change.
func TestDigestKeepsFieldsApart(t *testing.T) {
	a := &model.Update{Title: "ab", Description: "c", KB: []string{"1", "2"}}
	b := &model.Update{Title: "a", Description: "bc", KB: []string{"12"}}
	if Digest(a) == Digest(b) {
		t.Error("different descriptions have the same digest")
	}
	if Digest(&model.Update{KB: []string{}}) != Digest(&model.Update{}) {
		t.Error("an empty list and none have different digests")
	}
}

// TestDigestIsStable: digests are stored with every revision, so the format may
// not change by accident.
func TestDigestIsStable(t *testing.T) {
	got := Digest(sample())
	const want = "d07bf2030b5997e3d0cbb7d167df51b0f0f2ff38364634b71a7c53b578de1acc"
	if h := hex.EncodeToString(got[:]); h != want {
		t.Errorf("digest %s, want %s", h, want)
	}
}

func BenchmarkDigest(b *testing.B) {
	u := sample()
	u.Description = strings.Repeat("It consists of binary packages. ", 8)
	for range 8 {
		u.Debian.Packages = append(u.Debian.Packages, u.Debian.Packages[0])
	}
	for b.Loop() {
		Digest(u)
	}
}
