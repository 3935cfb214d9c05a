package storage

import (
	"context"
	"reflect"
	"regexp"
	"testing"
	"time"

	"github.com/farmtally/farmtally"
)

func TestKeys(t *testing.T) {
	ctx, now, dir := context.Background(), time.UnixMilli(5000), t.TempDir()
	c := openAt(t, dir, func() time.Time { return now })
	if keys, err := c.Keys(ctx); err != nil || len(keys) != 0 {
		t.Errorf("keys %+v, error %v", keys, err)
	}
	const farm = farmtally.FarmID("farm-0123456789abcdef0123456789abcdef")
	ada, err := c.CreateKey(ctx, "ada", farmtally.Grant{FarmID: farmtally.EveryFarm, Role: farmtally.Manager},
		farmtally.Grant{FarmID: farm, Role: farmtally.Writer})
	try(t, err)
	now = time.UnixMilli(6000)
	bob, err := c.CreateKey(ctx, "bob")
	try(t, err)
	for _, k := range []farmtally.AccessKey{ada, bob} {
		if !regexp.MustCompile(`^FT[A-Z2-7]{18}$`).MatchString(k.ID) || !regexp.MustCompile(`^[A-Za-z0-9+/]{40}$`).MatchString(k.Secret) {
			t.Errorf("key %+v", k)
		}
	}
	if ada.ID == bob.ID || ada.Secret == bob.Secret || ada.CreatedAt != 5000 || bob.CreatedAt != 6000 {
		t.Errorf("keys %+v and %+v", ada, bob)
	}
	now = time.UnixMilli(7000)
	try(t, c.RevokeKey(ctx, ada.ID))
	now = time.UnixMilli(8000)
	wantKind(t, c.RevokeKey(ctx, ada.ID), farmtally.NotFound)
	wantKind(t, c.RevokeKey(ctx, "FTNONE"), farmtally.NotFound)
	_, err = c.Key(ctx, "FTNONE")
	wantKind(t, err, farmtally.NotFound)
	ada.RevokedAt = 7000
	again := open(t, dir)
	if got, err := again.Key(ctx, ada.ID); err != nil || !reflect.DeepEqual(got, ada) {
		t.Errorf("key %+v, error %v; want %+v", got, err, ada)
	}
	if keys, err := again.Keys(ctx); err != nil || !reflect.DeepEqual(keys, []farmtally.AccessKey{ada, bob}) {
		t.Errorf("keys %+v, error %v", keys, err)
	}
}
