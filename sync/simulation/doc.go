// Package simulation makes catalogues and fleets with histories that are the
// same for the same seed: for tests and benchmarks, and for whatever wants to
// show Fettle without touching a real computer. Nothing in it is copied from a
// real catalogue; names are invented but plausible.
//
// # Three layers
//
// NewCatalogue makes what upstreams publish over the years: products, updates
// with their revisions, expiry and withdrawal, in the order in which the
// synchronizations of one server see them (Catalogue.Runs). Updates stand in
// lines: chains of updates of which each supersedes the one before, as
// monthly cumulative updates, daily definitions and the versions of a Debian
// source package do.
//
// NewFleet makes computers for a catalogue. Which updates concern a computer
// follows from its products; of every line that applies it has a place, the
// update that is installed, and its installation states follow from the places
// alone. So a superseded update whose successor is installed is never needed.
//
// Fill writes both into an empty store, in simulated time: synchronizations,
// computers that enrol, and administrators who make groups, approve, decline
// and change their minds. Live lets a filled store's fleet live on: computers
// check in at the times of model.NextCheckIn and do what model.Decide says.
// Installation states change by such reports only. A Story goes on wildly
// instead, one event at a time, for tests of properties.
//
// A filled store needs neither the Fleet nor the Catalogue of its Summary; a
// benchmark of memory lets go of both.
//
// # Time and chance
//
// The package reads no clock. A Clock is given to the store as its clock, and
// Fill and Live set it, so that records have the dates of the history. All
// chance comes from Options.Seed, through a generator of its own for each part:
// asking for more computers does not change the catalogue.
//
// # Concurrency
//
// A Catalogue is immutable once made. A Fleet belongs to one goroutine at a
// time; Fill and Live start goroutines of their own, and wait for them.
package simulation
