-- A rental shop: an address may be a household's and a clerk's, payments stand in partitions, a
-- materialised view counts them, and keys run in circles.
CREATE TABLE addresses (
    id int PRIMARY KEY,
    street varchar(80),
    district varchar(40),
    postal varchar(12)
);
CREATE TABLE shops (id int PRIMARY KEY, name text NOT NULL, manager int);
CREATE TABLE staff (
    id int PRIMARY KEY,
    name text NOT NULL,
    email varchar(80) NOT NULL,
    shop int NOT NULL REFERENCES shops (id),
    address int REFERENCES addresses (id)
);
CREATE INDEX ON staff (address);
ALTER TABLE shops ADD FOREIGN KEY (manager) REFERENCES staff (id) DEFERRABLE INITIALLY DEFERRED;
CREATE TABLE customers (
    id int PRIMARY KEY,
    shop int NOT NULL REFERENCES shops (id),
    name varchar(60),
    email varchar(80) UNIQUE,
    address int REFERENCES addresses (id),
    last_rental int
);
CREATE INDEX ON customers (lower(email));
CREATE INDEX ON customers (address);
CREATE TABLE rentals (
    id int PRIMARY KEY,
    customer int NOT NULL REFERENCES customers (id),
    staff int REFERENCES staff (id),
    film varchar(60) NOT NULL,
    rented_at timestamp NOT NULL
);
CREATE INDEX ON rentals (customer);
CREATE INDEX ON rentals (staff);
CREATE INDEX ON customers (last_rental);
ALTER TABLE customers ADD FOREIGN KEY (last_rental) REFERENCES rentals (id);
CREATE TABLE payments (
    id int,
    paid_on date,
    customer int NOT NULL REFERENCES customers (id),
    rental int REFERENCES rentals (id),
    amount numeric(6, 2) NOT NULL,
    payer varchar(60),
    PRIMARY KEY (id, paid_on)
) PARTITION BY RANGE (paid_on);
CREATE TABLE payments_2024 PARTITION OF payments FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE payments_2025 PARTITION OF payments FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE payments_rest PARTITION OF payments DEFAULT;
CREATE INDEX ON payments (customer);
CREATE INDEX ON payments (rental);

INSERT INTO addresses SELECT g, (100 + g) || ' Alder Row', 'District ' || g % 5, '9' || (5000 + g)
    FROM generate_series(1, 40) g;
INSERT INTO addresses VALUES (70, '7 Quince Steps', 'Harbor', '95070'),
    (71, '8 Quince Steps', 'Harbor', '95071'), (72, '9 Quince Steps', 'Harbor', '95072');
INSERT INTO shops VALUES (1, 'North', NULL), (2, 'South', NULL);
INSERT INTO staff VALUES (1, 'Clerk One', 'one@shop.example', 1, 1), (2, 'Clerk Two', 'two@shop.example', 2, 72);
UPDATE shops SET manager = id;
INSERT INTO customers SELECT g, 1 + g % 2, 'Customer Number ' || g, 'customer' || g || '@example.net', g
    FROM generate_series(2, 40) g;
-- Mira and Pavel live together; Mira's second house is a clerk's too
INSERT INTO customers VALUES (70, 1, 'Mira Okonski', 'mira@okonski.example', 70),
    (71, 1, 'Pavel Okonski', 'pavel@okonski.example', 70),
    (72, 2, 'Sole Tenant', 'sole@tenant.example', 71),
    (73, 2, 'Lena Lodger', 'lena@lodger.example', 72);
INSERT INTO rentals SELECT row_number() OVER (ORDER BY id, j), id, 1 + (id + j) % 2, 'Film ' || j,
    timestamp '2025-02-01 10:00' + make_interval(days => id * j) FROM customers, generate_series(1, 3) j;
UPDATE customers SET last_rental = (SELECT max(id) FROM rentals WHERE customer = customers.id);
INSERT INTO payments SELECT id, (ARRAY[date '2024-06-01', '2025-06-01', '2023-06-01'])[1 + id % 3], customer,
    id, 4.99, (SELECT name FROM customers WHERE customers.id = customer) FROM rentals;
CREATE MATERIALIZED VIEW spending AS
    SELECT c.id, c.name, c.email, sum(p.amount) AS spent FROM customers c LEFT JOIN payments p ON p.customer = c.id
     GROUP BY 1, 2, 3;
CREATE UNIQUE INDEX ON spending (id);
