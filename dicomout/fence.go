package dicomout

import "jcsnode/dicomout/deliver"

// fenced is an object that goes out only if this node may send when its turn comes.
func (c *DeliveryWorker) fenced(item deliver.Item) deliver.Item {
	if c.Fenced == nil {
		return item
	}
	read := item.Read
	item.Read = func() ([]byte, error) {
		file, err := read()
		if e := c.Fenced(); e != nil { // last of all: reading may take long
			return nil, e
		}
		return file, err
	}
	if item.Alternative != nil {
		other := c.fenced(*item.Alternative)
		item.Alternative = &other
	}
	return item
}
