package expr

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"cel.dev/cel-go/common/ast"
)

// zones are the time zones that conditions name, numbered as they come. There are some six hundred, so that they are kept.
type zones struct {
	list atomic.Pointer[[]*time.Location]

	mu     sync.Mutex // of what is below, and of changes
	byName map[string]Slot
}

// utc is the number of the zone of accessors that name none.
const utc Slot = 0

// at returns the zone of a number.
func (z *zones) at(number Slot) *time.Location {
	if number == utc {
		return time.UTC
	}
	return (*z.list.Load())[number-1]
}

// number returns the number of a zone, which is read when it first comes.
func (z *zones) number(name string) (Slot, bool) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if n, ok := z.byName[name]; ok {
		return n, true
	}
	loc, ok := loadZone(name)
	if !ok {
		return 0, false
	}
	list := []*time.Location{loc}
	if z.byName == nil {
		z.byName = map[string]Slot{}
	} else {
		list = append(slices.Clone(*z.list.Load()), loc)
	}
	z.list.Store(&list)
	z.byName[name] = Slot(len(list))
	return z.byName[name], true
}

// loadZone reads a zone of the IANA database. The host's own zone is none.
func loadZone(name string) (*time.Location, bool) {
	if name == "" || name == "Local" {
		return nil, false
	}
	loc, err := time.LoadLocation(name)
	return loc, err == nil
}

// zone returns the number of the zone that an accessor names, if it does.
func (l *lowerer) zone(args []ast.Expr) (Slot, bool) {
	if len(args) == 0 {
		return utc, true
	}
	name, ok := literalText(args[0])
	if !ok || len(args) > 1 {
		return 0, false
	}
	return l.compiler.zones.number(name)
}

// readsUTC reports whether a field of an instant is read that names no zone.
func (l *lowerer) readsUTC() (found bool) {
	if !l.whole.IsChecked() {
		return false
	}
	accessors := fieldNames()
	ast.PreOrderVisit(l.whole.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.CallKind || found {
			return
		}
		call := e.AsCall()
		found = call.IsMemberFunction() && len(call.Args()) == 0 && slices.Contains(accessors, call.FunctionName()) && l.kind(call.Target()) == Time
	}))
	return found
}
