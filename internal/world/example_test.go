package world_test

import (
	"fmt"

	"github.com/deeperpoint/csss/internal/world"
	"github.com/deeperpoint/csss/match"
)

// A world is built from a seed and knows every token that must not leak.
func ExampleBuild() {
	w := world.Build(world.Options{Seed: 1, Stories: true})
	in := w.Import()
	fmt.Println(len(in.Firms), "firms,", len(in.Offers), "offers")
	for _, c := range w.Canaries() {
		if c.Firm == "corrway-stamping" && len(c.Token) < 10 {
			fmt.Println(c.Token)
		}
	}
	// Output:
	// 300 firms, 1000 offers
	// Corrway
	// L0A 0G0
	// N. Ruiz
}

// A story names its people, offers and needs.
func ExampleStory2() {
	s := world.Story2()
	hours, _ := match.NewBook().Remaining(&s.Capable)
	fmt.Println(s.Offer, "has", hours/match.Hour, "h;", s.Need.Firm, "needs", s.Need.Quantity.Value/match.Hour)
	for _, d := range s.Decoys {
		fmt.Println(d.Name, "fails", d.Gate)
	}
	// Output:
	// offer-steelcrest-precision-01 has 368 h; gridline-robotics needs 50
	// D1 fails material
	// D2 fails machine_type
	// D3 fails distance
	// D4 fails credential
	// D5 fails window
	// D6 fails price
}
