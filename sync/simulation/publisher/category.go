package publisher

import (
	"slices"
	"strings"
	"time"

	"fettle/model"
)

// Categories of Microsoft's, by their real identifiers (update-metadata 5): the
// company, and the families of Known that programs ask for by name.
const (
	Microsoft     model.CategoryID = "56309036-4c77-4dd9-951a-99ee9c246a94"
	FamilyWindows model.CategoryID = "6964aab4-c5b5-43bd-a17d-ffb4346a8e1d"
	FamilyOffice  model.CategoryID = "477b856e-65c4-4473-b621-a8b230bb70d9"

	Windows10   model.CategoryID = "a3c2375d-0c8a-42f9-bce0-28333e198407"
	Windows11   model.CategoryID = "72e7624a-5b00-45d2-b92f-e561c0a6a160"
	Server2019  model.CategoryID = "f702a48c-919b-45d6-9aef-ca4248d50397"
	Server21H2  model.CategoryID = "71718f13-7324-4b0f-8f9e-2ca9dc978e53"
	Server24H2  model.CategoryID = "b256987d-4693-4c87-955d-dbb9341205eb"
	Office2016  model.CategoryID = "25aed893-7c2d-4a31-ae22-28ff8ac150ed"
	DefenderAV  model.CategoryID = "8c3fcc84-7410-4a95-8b89-a166a0190486"
	familySQL   model.CategoryID = "0a4c6c73-8887-4d7f-9cbe-d08fa8fa9d1e"
	familyMail  model.CategoryID = "352f9494-d516-4b40-a21a-cd2416098982"
	familyTools model.CategoryID = "48ce8c86-6850-4f68-8e9d-7dc8535ced60"
)

// classifications are those of update-metadata 5.
var classifications = map[model.Classification]model.CategoryID{
	model.ClassApplication:  "5c9376ab-8ce6-464a-b136-22113dd69801",
	model.ClassCritical:     "e6cf1350-c01b-414d-a61f-263d14d133b4",
	model.ClassDefinition:   "e0789628-ce08-4437-be74-2495b842f43b",
	model.ClassDriver:       "ebfc1fc5-71a4-4f7b-9aca-3b9a503104a0",
	model.ClassDriverSet:    "77835c8d-62a7-41f5-82ad-f28d1af1e3b1",
	model.ClassFeaturePack:  "b54e7d24-7add-428f-8b75-90a396fa584f",
	model.ClassSecurity:     "0fa1201d-4330-4fa8-8ae9-b877473b6441",
	model.ClassServicePack:  "68c5b0a3-d1a6-4553-ae49-01d3a7827828",
	model.ClassTool:         "b4832bd8-e735-4761-8daf-37f882276dab",
	model.ClassUpdateRollup: "28bc880e-0592-4cbf-8f95-c79b17911d5f",
	model.ClassUpdate:       "cd5ffd1e-e932-4e3a-bf74-18bf0b1bbd83",
	model.ClassUpgrade:      "3689bdc8-b205-4af4-8d4a-a63924c5e9d5",
}

// ClassificationID gives the category that Microsoft has for a classification.
func ClassificationID(c model.Classification) (model.CategoryID, bool) {
	id, ok := classifications[c]
	return id, ok
}

// known are real products and what groups them. Names repeat across families,
// as they do in the real list. What is marked excluded is so in June 2024.
var known = []model.Category{
	{ID: Microsoft, Kind: model.CategoryCompany, Title: "Microsoft"},
	{ID: FamilyWindows, Kind: model.CategoryFamily, Title: "Windows", Parent: Microsoft},
	{ID: FamilyOffice, Kind: model.CategoryFamily, Title: "Office", Parent: Microsoft},
	{ID: familySQL, Kind: model.CategoryFamily, Title: "SQL Server", Parent: Microsoft},
	{ID: familyMail, Kind: model.CategoryFamily, Title: "Exchange", Parent: Microsoft},
	{ID: familyTools, Kind: model.CategoryFamily, Title: "Developer Tools, Runtimes, and Redistributables", Parent: Microsoft},
	{ID: "bfe5b177-a086-47a0-b102-097e4fa1f807", Title: "Windows 7", Parent: FamilyWindows},
	{ID: "6407468e-edc7-4ecd-8c32-521f64cee65e", Title: "Windows 8.1", Parent: FamilyWindows},
	{ID: Windows10, Title: "Windows 10", Parent: FamilyWindows},
	{ID: "d2085b71-5f1f-43a9-880d-ed159016d5c6", Title: "Windows 10 LTSB", Parent: FamilyWindows},
	{ID: "b3c75dc1-155f-4be4-b015-3f1a91758e52", Title: "Windows 10, version 1903 and later", Parent: FamilyWindows},
	{ID: "8a3cbc4a-5334-40d4-a06e-6da96022ae3b", Title: "Windows 10, version 1903 and later", Parent: familyTools},
	{ID: "e4b04398-adbd-4b69-93b9-477322331cd3", Title: "Windows 10 and later Dynamic Update", Parent: FamilyWindows, Excluded: true},
	{ID: Windows11, Title: "Windows 11", Parent: FamilyWindows},
	{ID: "ab1852d6-15fd-4bf0-acd1-d276a5ea82fb", Title: "Windows 11 Dynamic Update", Parent: FamilyWindows, Excluded: true},
	{ID: "dd1aa213-54e7-4173-8456-b278964a26b6", Title: "Windows Safe OS Dynamic Update", Parent: FamilyWindows, Excluded: true},
	{ID: "ca006cfb-49eb-439b-880a-1312e1fc9713", Title: "Windows Insider Pre-Release", Parent: FamilyWindows},
	{ID: "69010383-ff55-4227-bd6c-d91c26f2643b", Title: "Microsoft Edge", Parent: FamilyWindows},
	{ID: DefenderAV, Title: "Microsoft Defender Antivirus", Parent: FamilyWindows},
	{ID: "d31bd4c3-d872-41c9-a2e7-231f372588cb", Title: "Windows Server 2012 R2", Parent: FamilyWindows},
	{ID: "569e8e8f-c6cd-42c8-92a3-efbb20a0f6f5", Title: "Windows Server 2016", Parent: FamilyWindows},
	{ID: "e26d4a30-aba6-4616-a890-011970d93636", Title: "Windows Server 2016", Parent: familyTools},
	{ID: Server2019, Title: "Windows Server 2019", Parent: FamilyWindows},
	{ID: "21210d67-50bc-4254-a695-281765e10665", Title: "Windows Server, version 1903 and later", Parent: FamilyWindows},
	{ID: Server21H2, Title: "Microsoft Server operating system-21H2", Parent: FamilyWindows},
	{ID: "2c7888b6-f9e9-4ee9-87af-a77705193893", Title: "Microsoft Server Operating System-22H2", Parent: FamilyWindows},
	{ID: "607efb8d-feed-48a0-930e-14d0cf2da71f", Title: "Microsoft Server Operating System-23H2", Parent: FamilyWindows},
	{ID: Server24H2, Title: "Microsoft Server Operating System-24H2", Parent: FamilyWindows},
	{ID: "704a0a4a-518f-4d69-9e03-10ba44198bd5", Title: "Office 2013", Parent: FamilyOffice},
	{ID: Office2016, Title: "Office 2016", Parent: FamilyOffice},
	{ID: "30eb551c-6288-4716-9a78-f300ec36d72b", Title: "Microsoft 365 Apps/Office 2019/Office LTSC", Parent: FamilyOffice},
	{ID: "97b8b817-fce1-44e4-ac26-61127d4604c0", Title: "Microsoft SQL Server 2019", Parent: familySQL},
	{ID: "aeefa997-63b8-4c01-b19c-c19e1081b4ce", Title: "Microsoft SQL Server 2022", Parent: familySQL},
	{ID: "f7fcd7d7-a163-4b27-970a-48bc02023df1", Title: "Exchange Server 2019", Parent: familyMail},
}

// Known lists the real products that this package knows, and what groups them,
// each after its parent.
func Known() []model.Category { return slices.Clone(known) }

// ProductNamed finds a known product by its title; family, if it is not empty,
// tells products of the same name apart.
func ProductNamed(title, family string) (model.Category, bool) {
	for _, c := range known {
		if c.Kind != model.CategoryProduct || !strings.EqualFold(c.Title, title) {
			continue
		}
		if p, ok := knownByID(c.Parent); family == "" || ok && strings.EqualFold(p.Title, family) {
			return c, true
		}
	}
	return model.Category{}, false
}

func knownByID(id model.CategoryID) (model.Category, bool) {
	i := slices.IndexFunc(known, func(c model.Category) bool { return c.ID == id })
	if i < 0 {
		return model.Category{}, false
	}
	return known[i], true
}

// categoryRevision is what the documents of known categories have: real ones
// are newer nearly always, so that a real catalogue that is imported later wins.
const categoryRevision = 1

// categoriesPublished is when the real classifications were.
var categoriesPublished = time.Date(2004, 2, 28, 18, 17, 34, 0, time.UTC)

// CategoryItem makes the item of a category.
func CategoryItem(c model.Category) Item {
	return Item{
		ID: model.UpdateID(c.ID), Revision: categoryRevision, Kind: model.DocumentCategory, Title: c.Title, Description: c.Title, Created: categoriesPublished,
		Category: &Category{
			Kind: c.Kind, Parent: c.Parent, Excluded: c.Excluded,
			ProhibitsUpdates:       c.Kind == model.CategoryCompany || c.Kind == model.CategoryFamily,
			ProhibitsSubcategories: c.Kind == model.CategoryProduct || c.Kind == model.CategoryClassification,
		},
	}
}

// WithCategories adds to items those of the classifications and known products
// that they and their members refer to, and of what groups these, unless they
// are among them already. More categories, such as those of a simulated
// catalogue, may be given; they go before the known ones.
func WithCategories(items []Item, more ...model.Category) []Item {
	have := map[model.CategoryID]bool{}
	for _, it := range items {
		have[model.CategoryID(it.Key().ID)] = true
	}
	lookup := map[model.CategoryID]model.Category{}
	for _, c := range append(slices.Clone(known), more...) {
		lookup[c.ID] = c
	}
	for class, id := range classifications {
		lookup[id] = model.Category{ID: id, Kind: model.CategoryClassification, Title: class.Title()}
	}
	var out []Item
	var need func(id model.CategoryID)
	need = func(id model.CategoryID) {
		c, ok := lookup[id]
		if !ok || have[id] {
			return
		}
		have[id] = true
		need(c.Parent)
		out = append(out, CategoryItem(c))
	}
	var visit func(items []Item)
	visit = func(items []Item) {
		for _, it := range items {
			if id, ok := ClassificationID(it.Class); ok {
				need(id)
			}
			for _, p := range it.Products {
				need(p)
			}
			if it.Category != nil {
				need(it.Category.Parent)
			}
			visit(it.Members)
			visit(it.Alternatives)
		}
	}
	visit(items)
	return append(out, items...)
}
