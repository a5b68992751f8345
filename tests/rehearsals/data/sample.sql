-- The tables of Fides' sample project, rebuilt from its public description; the rows are our own.
-- Where no engine serves a moment as part of a key, `last_visit` is a day.
CREATE TABLE product (id integer NOT NULL PRIMARY KEY, name varchar(100), description varchar(200), price numeric(8, 2));
CREATE TABLE address (
    id integer NOT NULL PRIMARY KEY, house int, street varchar(100), city varchar(100), state varchar(100), zip varchar(100)
);
CREATE TABLE customer (
    id integer NOT NULL PRIMARY KEY, email varchar(100), name varchar(100), created timestamp, address_id bigint
);
CREATE TABLE employee (id integer NOT NULL PRIMARY KEY, email varchar(100), name varchar(100), address_id bigint);
CREATE TABLE payment_card (
    id varchar(100) NOT NULL PRIMARY KEY, name varchar(100), ccn bigint, code smallint, preferred boolean,
    customer_id int, billing_address_id bigint
);
CREATE TABLE orders (
    id varchar(100) NOT NULL PRIMARY KEY, customer_id int, shipping_address_id bigint, payment_card_id varchar(100)
);
CREATE TABLE order_item (
    order_id varchar(100), item_no smallint, product_id int, quantity smallint, PRIMARY KEY (order_id, item_no)
);
CREATE TABLE visit (email varchar(100), last_visit timestamp, PRIMARY KEY (email, last_visit));
CREATE TABLE login (id int NOT NULL PRIMARY KEY, customer_id int, time timestamp);
CREATE TABLE service_request (
    id varchar(100) NOT NULL PRIMARY KEY, email varchar(100), alt_email varchar(100), opened date, closed date, employee_id int
);
CREATE TABLE report (id int NOT NULL PRIMARY KEY, email varchar(100), name varchar(100), year int, month int, total_visits int);
CREATE INDEX customer_email ON customer (email);
CREATE INDEX customer_address_id ON customer (address_id);
CREATE INDEX employee_address_id ON employee (address_id);
CREATE INDEX payment_card_customer_id ON payment_card (customer_id);
CREATE INDEX payment_card_billing_address_id ON payment_card (billing_address_id);
CREATE INDEX orders_customer_id ON orders (customer_id);
CREATE INDEX orders_shipping_address_id ON orders (shipping_address_id);
CREATE INDEX login_customer_id ON login (customer_id);
CREATE INDEX service_request_email ON service_request (email);
CREATE INDEX service_request_alt_email ON service_request (alt_email);
CREATE INDEX service_request_employee_id ON service_request (employee_id);

INSERT INTO product VALUES (1, 'Ginger snap', 'A hard one', 3.00), (2, 'Oat round', 'A soft one', 4.00);
INSERT INTO address VALUES (11, 1, 'Fennel Lane', 'Barrow', 'CA', '95011'), (12, 2, 'Sorrel Lane', 'Barrow', 'CA', '95012'),
    (13, 3, 'Office Square', 'Barrow', 'CA', '95013'), (14, 4, 'Tansy Hill', 'Crag', 'OR', '97014'),
    (15, 5, 'Gift Alley', 'Crag', 'OR', '97015');
INSERT INTO customer VALUES (1, 'ivo@barrow.example', 'Ivo Lindqvist', '2023-01-01', 11),
    (2, 'thea@barrow.example', 'Thea Brandvold', '2023-01-02', 12), (3, 'noor@crag.example', 'Noor Castellan', '2023-01-03', 14);
INSERT INTO employee VALUES (1, 'dana@snaps.example', 'Dana Clerk', 13), (2, 'eli@snaps.example', 'Eli Clerk', 13);
-- Ivo sends Thea a present: his order names her address, and her card is billed to his
INSERT INTO payment_card VALUES ('pay_1', 'Ivo first card', 4111000011110001, 321, true, 1, 11),
    ('pay_2', 'Thea first card', 4111000011110002, 123, false, 2, 11), ('pay_3', 'Noor first card', 4111000011110003, 222, true, 3, 14);
INSERT INTO orders VALUES ('ord_1', 1, 12, 'pay_1'), ('ord_2', 2, 12, 'pay_2'), ('ord_3', 1, 15, 'pay_1'),
    ('ord_4', 3, 14, 'pay_3');
INSERT INTO order_item VALUES ('ord_1', 1, 1, 2), ('ord_1', 2, 2, 1), ('ord_2', 1, 1, 1), ('ord_3', 1, 2, 9), ('ord_4', 1, 1, 1);
INSERT INTO visit VALUES ('ivo@barrow.example', '2024-01-06 01:00:00'), ('thea@barrow.example', '2024-01-07 01:00:00');
INSERT INTO login VALUES (1, 2, '2024-02-01 08:00:00'), (2, 3, '2024-02-02 08:00:00'), (3, 1, '2024-02-03 08:00:00'),
    (4, 2, '2024-02-04 08:00:00'), (5, 3, '2024-02-05 08:00:00'), (6, 1, '2024-02-06 08:00:00'),
    (7, 2, '2024-02-07 08:00:00'), (8, 3, '2024-02-08 08:00:00'), (9, 1, '2024-02-09 08:00:00'),
    (10, 2, '2024-02-10 08:00:00'), (11, 3, '2024-02-11 08:00:00'), (12, 1, '2024-02-12 08:00:00');
INSERT INTO service_request VALUES ('ser_1', 'ivo@barrow.example', 'ivo.alt@barrow.example', '2024-01-01', '2024-01-03', 1),
    ('ser_2', 'thea@barrow.example', NULL, '2024-01-04', NULL, 1), ('ser_3', 'noor@crag.example', NULL, '2024-01-05', NULL, 2);
INSERT INTO report VALUES (1, 'boss@snaps.example', 'Monthly Report', 2024, 8, 100);
