package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/examples/internal/cli"
	"github.com/deeperpoint/csss/internal/world"
	"github.com/deeperpoint/csss/ledger"
)

// market are the flags that say which exchange is looked at, and by whom.
type market struct {
	dir, tenantKey string
	story          bool
	k, kPeople     int
	firm, person   string
	now            string
}

func marketFlags(c *call) {
	m := &c.market
	c.StringVar(&m.dir, "dir", "", "`folder` of an exchange's ledger; it is only read")
	c.StringVar(&m.dir, "market", "", "the same as -dir")
	c.BoolVar(&m.story, "story", false, "instead of -dir: the seeded market of the examples, with the founding stories in it")
	c.StringVar(&m.tenantKey, "tenant-key", "", "`file` with the 32-byte tenant key, where the folder does not keep it")
	c.IntVar(&m.k, "k", 0, "employers that must share a summary, as the exchange is configured; 0 for the default, 5")
	c.IntVar(&m.kPeople, "k-people", 0, "the same for a person's expertise; 0 for the default, 11")
	c.StringVar(&m.now, "now", "", "`time` of the question; empty for the present")
}

// named reports whether there is a market to look at.
func (m *market) named() bool { return m.story || m.dir != "" }

// inMarket runs a function on the exchange, as its operator at the time of the
// question. Nothing can be written to it: the folder is read-only, and the
// market of the stories is in memory.
func (c *call) inMarket(ctx context.Context, do func(x *csss.Exchange, operator csss.By) error) error {
	m := &c.market
	if m.story && m.dir != "" {
		return cli.Usagef("either -dir or -story")
	}
	at, err := m.at()
	if err != nil {
		return err
	}
	cfg := csss.Config{K: m.k, KPeople: m.kPeople}
	if cfg.Schema, err = c.schema(); err != nil {
		return err
	}
	if !m.story {
		store, err := m.store()
		if err != nil {
			return err
		}
		if cfg.Ledger, err = m.options(); err != nil {
			return err
		}
		cfg.Store = store
	}
	x, err := csss.Open(ctx, cfg)
	if bad, ok := errors.AsType[*csss.InputError](err); ok {
		return cli.Usage(bad)
	}
	if err != nil {
		return err
	}
	if m.story {
		w := world.Build(world.Options{Stories: true})
		if _, err := x.Import(ctx, csss.By{ID: "market", At: world.Opening()}, w.Import()); err != nil {
			return errors.Join(err, x.Close())
		}
	}
	return errors.Join(do(x, csss.By{At: at}), x.Close())
}

func (m *market) store() (ledger.Store, error) {
	if err := cli.Folder("dir", m.dir); err != nil {
		return nil, err
	}
	store, err := ledger.OpenDirStore(m.dir, &ledger.DirOptions{ReadOnly: true})
	if err != nil {
		return nil, cli.Usage(fmt.Errorf("-dir: %w", err))
	}
	return store, nil
}

func (m *market) options() (*ledger.Options, error) {
	key, err := cli.TenantKey(m.tenantKey)
	if err != nil || key == nil {
		return nil, err
	}
	return &ledger.Options{TenantKey: key}, nil
}

// at is when the question is asked: in the stories when the market opens.
func (m *market) at() (time.Time, error) {
	if m.now == "" && m.story {
		return world.Opening(), nil
	}
	return parseTime("now", m.now)
}
