-- Rows for the tables of the peer's own sample shop: as many as the reference shop has.
INSERT INTO address SELECT g, g % 1000, 'Street ' || g, 'City', 'CA', '90000' FROM generate_series(1, :people) g;
INSERT INTO customer SELECT g, 'customer-' || g || '@example.com', 'Customer ' || g, now(), g
  FROM generate_series(1, :people) g;
INSERT INTO payment_card SELECT 'c' || g, 'Customer ' || g, 4000000000000000 + g, 1, true, g, g
  FROM generate_series(1, :people) g;
INSERT INTO orders SELECT 'p' || g || '-' || n, g, g, 'c' || g
  FROM generate_series(1, :people) g, generate_series(1, 3) n;
INSERT INTO product (id, name, description) SELECT g, 'Thing ' || g, 'Something useful' FROM generate_series(1, 100) g;
INSERT INTO order_item SELECT 'p' || g || '-' || n, m, 1 + (g + m) % 100, 1
  FROM generate_series(1, :people) g, generate_series(1, 3) n, generate_series(1, 2) m;
INSERT INTO login SELECT (g - 1) * 5 + n, g, now() - n * interval '1 day'
  FROM generate_series(1, :people) g, generate_series(1, 5) n;
INSERT INTO visit SELECT 'customer-' || g || '@example.com', now() - n * interval '1 hour'
  FROM generate_series(1, :people) g, generate_series(1, 3) n;
INSERT INTO service_request SELECT 's' || g, 'customer-' || g || '@example.com', NULL, current_date, NULL, 1
  FROM generate_series(1, :people, 2) g;
-- As shipped, the key of this table contains what an erasure empties: it would end in an error.
ALTER TABLE visit DROP CONSTRAINT visit_pk;
ALTER TABLE visit ALTER email DROP NOT NULL;
ALTER TABLE visit ALTER last_visit DROP NOT NULL;
CREATE INDEX ON customer (email);
CREATE INDEX ON employee (email);
CREATE INDEX ON payment_card (customer_id);
CREATE INDEX ON orders (customer_id);
CREATE INDEX ON login (customer_id);
CREATE INDEX ON visit (email);
CREATE INDEX ON service_request (email);
CREATE INDEX ON service_request (alt_email);
CREATE INDEX ON report (email);
