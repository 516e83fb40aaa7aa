package table_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"

	"github.com/deeperpoint/csss/ledger/internal/table"
)

// A table that was saved is the base of the next: what is put then lies in memory
// beside it until both are saved as one.
func Example() {
	key := func(name string) table.Key {
		sum := sha256.Sum256([]byte(name))
		return table.Key(sum[:16])
	}
	var first table.Table
	first.Put(key("offer/1"), 17)
	first.Put(key("need/1"), 18)
	var file bytes.Buffer
	_ = first.Save(&file)

	next, _ := table.Load(file.Bytes())
	next.Put(key("offer/1"), 19)
	now := next.View()
	next.Put(key("offer/2"), 20)

	newest, _ := now.Get(key("offer/1"))
	old, _ := now.Get(key("need/1"))
	_, later := now.Get(key("offer/2"))
	fmt.Println(newest, old, later, now.Len(), next.Len())
	// Output: 19 18 false 2 3
}
