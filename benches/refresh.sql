-- A shop of about 16.5 million rows in five tables at :scale = 1, 2.3 GB with its indexes: five beside the primary keys,
-- six foreign keys. Nobody real is in it; the same on every machine.
\set ON_ERROR_STOP on
SET synchronous_commit = off;
SET maintenance_work_mem = '512MB';

CREATE TABLE customers (
    id bigint NOT NULL, first_name text NOT NULL, last_name text NOT NULL, email text NOT NULL, phone text,
    born date, created_at timestamptz NOT NULL, is_active boolean NOT NULL
);
CREATE TABLE addresses (
    id bigint NOT NULL, customer_id bigint NOT NULL, street text NOT NULL, city text NOT NULL, postal_code text NOT NULL,
    country char(2) NOT NULL
);
CREATE TABLE orders (
    id bigint NOT NULL, customer_id bigint NOT NULL, address_id bigint NOT NULL, status text NOT NULL,
    total numeric(10, 2) NOT NULL, placed_at timestamptz NOT NULL, note text
);
CREATE TABLE order_items (
    id bigint NOT NULL, order_id bigint NOT NULL, sku text NOT NULL, quantity integer NOT NULL, price numeric(10, 2) NOT NULL
);
CREATE TABLE events (
    id bigint NOT NULL, customer_id bigint NOT NULL, order_id bigint, kind text NOT NULL, at timestamptz NOT NULL,
    actor text NOT NULL, payload jsonb NOT NULL
);

INSERT INTO customers SELECT i, 'First' || i % 5003, 'Last' || i % 20011, 'user' || i || '@corp.example',
    CASE WHEN i % 10 > 0 THEN '+1 212 555 ' || lpad((i % 10000)::text, 4, '0') END,
    date '1940-01-01' + (i * 7919 % 25000)::integer, timestamptz '2020-01-01 00:00Z' + i * interval '17 seconds', i % 7 > 0
    FROM generate_series(1, (1000000 * :scale)::bigint) i;
INSERT INTO addresses SELECT i, 1 + i * 7 % (1000000 * :scale)::bigint, i % 900 + 1 || ' Street ' || i % 7001,
    'City' || i % 3001, lpad((i * 31 % 100000)::text, 5, '0'), (ARRAY['US', 'DE', 'FR', 'PL'])[1 + i % 4]
    FROM generate_series(1, (1500000 * :scale)::bigint) i;
INSERT INTO orders SELECT i, 1 + i * 13 % (1000000 * :scale)::bigint, 1 + i * 11 % (1500000 * :scale)::bigint,
    (ARRAY['new', 'paid', 'shipped', 'returned'])[1 + i % 4], i * 37 % 1000000 / 100.0,
    timestamptz '2021-01-01 00:00Z' + i * interval '29 seconds', CASE WHEN i % 5 = 0 THEN 'leave it with user' || i || '@corp.example' END
    FROM generate_series(1, (4000000 * :scale)::bigint) i;
INSERT INTO order_items SELECT i, 1 + i * 17 % (4000000 * :scale)::bigint, 'SKU-' || lpad((i * 101 % 50000)::text, 6, '0'),
    1 + (i % 9)::integer, i * 41 % 100000 / 100.0
    FROM generate_series(1, (8500000 * :scale)::bigint) i;
INSERT INTO events SELECT i, 1 + i * 19 % (1000000 * :scale)::bigint, CASE WHEN i % 3 > 0 THEN 1 + i * 23 % (4000000 * :scale)::bigint END,
    'kind' || i % 40, timestamptz '2022-01-01 00:00Z' + i * interval '41 seconds', 'user' || i,
    jsonb_build_object('page', '/p/' || i % 997, 'ms', i % 5000, 'agent', repeat('x', (i % 240)::integer))
    FROM generate_series(1, (1500000 * :scale)::bigint) i;

ALTER TABLE customers ADD PRIMARY KEY (id);
ALTER TABLE addresses ADD PRIMARY KEY (id);
ALTER TABLE orders ADD PRIMARY KEY (id);
ALTER TABLE order_items ADD PRIMARY KEY (id);
ALTER TABLE events ADD PRIMARY KEY (id);
CREATE INDEX ON customers (email);
CREATE INDEX ON addresses (customer_id);
CREATE INDEX ON orders (customer_id);
CREATE INDEX ON order_items (order_id);
CREATE INDEX ON events (at);
ALTER TABLE addresses ADD FOREIGN KEY (customer_id) REFERENCES customers;
ALTER TABLE orders ADD FOREIGN KEY (customer_id) REFERENCES customers;
ALTER TABLE orders ADD FOREIGN KEY (address_id) REFERENCES addresses;
ALTER TABLE order_items ADD FOREIGN KEY (order_id) REFERENCES orders;
ALTER TABLE events ADD FOREIGN KEY (customer_id) REFERENCES customers;
ALTER TABLE events ADD FOREIGN KEY (order_id) REFERENCES orders;
VACUUM (FREEZE, ANALYZE);
CHECKPOINT;
