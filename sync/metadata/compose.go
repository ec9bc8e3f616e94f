package metadata

import "fettle/model"

// Options says how updates are shown.
type Options struct {
	// Languages that titles are wanted in, the best first, such as "de" or
	// "en-US". Where none exists, the document's default language, then "en",
	// then any is taken.
	Languages []string
}

// Members finds the document of a member; nil when it is not known.
type Members func(Identity) *Update

// Kinds says what kind of category an id is, if it is one.
type Kinds func(model.UpdateID) (model.CategoryKind, bool)

// Compose makes what an administrator sees of a deployable update: what it and
// all its members, at any depth, say together. The upstream, the links of files
// and what the store counts (Number, Revision, Arrived, Digest) are left to the
// caller. Document is the vendor's number of the revision.
func Compose(u *Update, members Members, kinds Kinds, o Options) *model.Update { return nil }

// CategoryOf makes the category that a category's document describes.
func CategoryOf(u *Update, o Options) (model.Category, bool) { return model.Category{}, false }
